package embedded

import (
	"encoding/binary"
	"sync"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// exchange is a request of a client and the answer of the broker, as they passed
// on their connection. kfake's control functions see no answers, and not who asks.
type exchange struct {
	client     string // client is the client id.
	at         int64  // at is when the broker had the request, before it handled it.
	answeredAt int64  // answeredAt is when the answer was on its way, 0 without one.
	req        kmsg.Request
	resp       kmsg.Response // resp is nil if the connection broke first.
}

// wiretap reads the exchanges of some kinds off one connection, and the heads of
// requests of other kinds. What the two ends send passes through it before it goes on.
type wiretap struct {
	now   func() int64
	wants func(key int16) bool // wants names the kinds of exchanges that are read.
	asked func(*exchange)      // asked is called before the broker gets the request.
	over  func(*exchange)      // over is called before the client gets the answer, or when there will be none.

	watched func(key int16) bool                              // watched names the kinds of requests of which head is told.
	head    func(key int16, correlation int32, client string) // head is called before asked.

	in, out framer

	mu   sync.Mutex // a client may ask on before it has its answer
	open map[int32]*exchange
}

// read is shown what the broker reads.
func (t *wiretap) read(b []byte) {
	t.in.feed(b, func(first []byte) bool {
		key := int16(binary.BigEndian.Uint16(first))
		return t.wants(key) || t.watched(key)
	}, t.request)
}

// wrote is shown what the broker writes.
func (t *wiretap) wrote(b []byte) {
	t.out.feed(b, func(first []byte) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.open[int32(binary.BigEndian.Uint32(first))] != nil
	}, t.answer)
}

// request reads a frame with a request. One that cannot be read is the broker's
// to refuse.
func (t *wiretap) request(frame []byte) {
	r := kbin.Reader{Src: frame}
	key, version, correlation := r.Int16(), r.Int16(), r.Int32()
	client := orEmpty(r.NullableString())
	if !r.Ok() {
		return
	}
	if t.watched(key) {
		t.head(key, correlation, client)
	}
	req := kmsg.RequestForKey(key)
	if req == nil || !t.wants(key) {
		return
	}
	req.SetVersion(version)
	if req.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if req.ReadFrom(r.Src) != nil {
		return
	}
	x := &exchange{client: client, at: t.now(), req: req}
	t.mu.Lock()
	if t.open == nil {
		t.open = map[int32]*exchange{}
	}
	t.open[correlation] = x
	t.mu.Unlock()
	t.asked(x)
}

// answer reads a frame with the answer to a request that is open.
func (t *wiretap) answer(frame []byte) {
	r := kbin.Reader{Src: frame}
	correlation := r.Int32()
	t.mu.Lock()
	x := t.open[correlation]
	delete(t.open, correlation)
	t.mu.Unlock()
	resp := x.req.ResponseKind()
	resp.SetVersion(x.req.GetVersion())
	if resp.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if resp.ReadFrom(r.Src) == nil {
		x.resp, x.answeredAt = resp, t.now()
	}
	t.over(x)
}

// end is called when the connection is closed: what is open stays unanswered.
func (t *wiretap) end() {
	t.mu.Lock()
	open := t.open
	t.open = nil
	t.mu.Unlock()
	for _, x := range open {
		t.over(x)
	}
}

// framer cuts a stream into frames, each behind its length, and keeps those that
// are wanted by their first four bytes.
type framer struct {
	head [8]byte // head is the length and the first four bytes.
	have int     // have is how many bytes of head are there.
	left int     // left is how many bytes of the frame are to come behind the head.
	keep bool
	kept []byte
}

func (f *framer) feed(b []byte, wants func(first []byte) bool, whole func(frame []byte)) {
	for len(b) > 0 {
		if f.have < len(f.head) {
			n := copy(f.head[f.have:], b)
			f.have, b = f.have+n, b[n:]
			if f.have < len(f.head) {
				return
			}
			f.left = int(int32(binary.BigEndian.Uint32(f.head[:]))) - 4
			if f.keep = f.left >= 0 && wants(f.head[4:]); f.keep {
				f.kept = append(make([]byte, 0, 4+min(f.left, 64<<10)), f.head[4:]...) // the length may be a lie
			}
		}
		n := min(len(b), max(f.left, 0))
		if f.keep {
			f.kept = append(f.kept, b[:n]...)
		}
		b = b[n:]
		if f.left -= n; f.left > 0 {
			return
		}
		if f.keep {
			whole(f.kept)
		}
		f.have, f.kept = 0, nil
	}
}
