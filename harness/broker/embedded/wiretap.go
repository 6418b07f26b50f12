package embedded

import (
	"encoding/binary"
	"sync"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// exchange is a request of a client and the broker's response, as they passed on
// their connection. kfake's control functions see neither responses nor clients.
type exchange struct {
	client     string // client is the client id.
	at         int64  // at is when the broker had the request and had not handled it yet.
	answeredAt int64  // answeredAt is when the response was sent, 0 without a response.
	req        kmsg.Request
	resp       kmsg.Response // resp is nil if the connection broke first.
}

// wiretap reads the exchanges of some kinds on one connection, and the headers
// of requests of other kinds. All bytes pass through it before they go on.
type wiretap struct {
	now           func() int64
	wantsExchange func(key int16) bool // wantsExchange selects the kinds of exchanges to read.
	onRequest     func(*exchange)      // onRequest is called before the broker gets the request.
	onExchange    func(*exchange)      // onExchange is called before the client gets the response, or when the connection broke.

	wantsHead func(key int16) bool                              // wantsHead selects the kinds of requests for onHead.
	onHead    func(key int16, correlation int32, client string) // onHead is called before onRequest.

	requests, responses framer

	mu         sync.Mutex // a client may send on before it has the response
	unanswered map[int32]*exchange
}

// feedRequests gets the bytes that the broker reads.
func (t *wiretap) feedRequests(b []byte) {
	t.requests.feed(b, func(first []byte) bool {
		key := int16(binary.BigEndian.Uint16(first))
		return t.wantsExchange(key) || t.wantsHead(key)
	}, t.parseRequest)
}

// feedResponses gets the bytes that the broker writes.
func (t *wiretap) feedResponses(b []byte) {
	t.responses.feed(b, func(first []byte) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.unanswered[int32(binary.BigEndian.Uint32(first))] != nil
	}, t.parseResponse)
}

// parseRequest reads a frame with a request. The broker itself refuses a request
// that cannot be read.
func (t *wiretap) parseRequest(frame []byte) {
	r := kbin.Reader{Src: frame}
	key, version, correlation := r.Int16(), r.Int16(), r.Int32()
	client := stringOrEmpty(r.NullableString())
	if !r.Ok() {
		return
	}
	if t.wantsHead(key) {
		t.onHead(key, correlation, client)
	}
	req := kmsg.RequestForKey(key)
	if req == nil || !t.wantsExchange(key) {
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
	if t.unanswered == nil {
		t.unanswered = map[int32]*exchange{}
	}
	t.unanswered[correlation] = x
	t.mu.Unlock()
	t.onRequest(x)
}

// parseResponse reads a frame with the response to an unanswered request.
func (t *wiretap) parseResponse(frame []byte) {
	r := kbin.Reader{Src: frame}
	correlation := r.Int32()
	t.mu.Lock()
	x := t.unanswered[correlation]
	delete(t.unanswered, correlation)
	t.mu.Unlock()
	resp := x.req.ResponseKind()
	resp.SetVersion(x.req.GetVersion())
	if resp.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if resp.ReadFrom(r.Src) == nil {
		x.resp, x.answeredAt = resp, t.now()
	}
	t.onExchange(x)
}

// endUnanswered is called when the connection is closed: its open requests stay
// without a response.
func (t *wiretap) endUnanswered() {
	t.mu.Lock()
	open := t.unanswered
	t.unanswered = nil
	t.mu.Unlock()
	for _, x := range open {
		t.onExchange(x)
	}
}

// framer cuts a stream into frames, each preceded by its length. It keeps the
// frames that are wanted by their first four bytes.
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
				f.kept = append(make([]byte, 0, 4+min(f.left, 64<<10)), f.head[4:]...) // the length may be wrong
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
