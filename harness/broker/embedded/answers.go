package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
)

var _ harness.AnswerLoser = (*Cluster)(nil)

// LoseAnswers implements [harness.AnswerLoser]. A request counts that comes after
// the call; once stop is called its answer is not lost any more.
func (c *Cluster) LoseAnswers(key int16, clientPrefix string, limit int) (stop func() int, err error) {
	done, err := c.use()
	if err != nil {
		return nil, fmt.Errorf("lose answers: %w", err)
	}
	defer done()
	if limit < 0 {
		return nil, errors.New("lose answers: a limit below zero")
	}
	l := &loss{key: key, client: clientPrefix, limit: limit}
	c.network.answers.add(l)
	return func() int { return c.network.answers.remove(l) }, nil
}

// loss is a kind of answer that gets lost.
type loss struct {
	key    int16
	client string // client is the prefix of the client id.
	limit  int    // 0: none
	lost   int
}

// answers are the losses of a network. The zero value loses nothing.
type answers struct {
	any atomic.Bool // any says whether there are losses, for those who read.

	mu     sync.Mutex
	losses []*loss
}

func (a *answers) add(l *loss) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.losses = append(a.losses, l)
	a.any.Store(true)
}

// remove returns how many were lost.
func (a *answers) remove(l *loss) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.losses = slices.DeleteFunc(a.losses, func(o *loss) bool { return o == l })
	a.any.Store(len(a.losses) > 0)
	return l.lost
}

// of is the loss that the answer to a request falls under, nil for none.
func (a *answers) of(key int16, client string) *loss {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.losses {
		if l.key == key && strings.HasPrefix(client, l.client) {
			return l
		}
	}
	return nil
}

// lose counts an answer as lost, unless its loss is over.
func (a *answers) lose(l *loss) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.losses, l) || l.limit > 0 && l.lost == l.limit {
		return false
	}
	l.lost++
	return true
}

// doomed is an answer that is to be lost.
type doomed struct {
	correlation uint32
	loss        *loss
}

// Read follows the requests that come over the connection. A control function
// of kfake is told neither who asks nor over which connection.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.requests.follow(b[:n], c.requested)
	c.tap.read(b[:n])
	return n, err
}

// requested notes a request whose answer is to be lost. kfake handles the
// requests of a connection one after the other, and a lost answer is the last
// thing of it: the first that was noted is the only one that matters.
func (c *conn) requested(h *header) {
	if !c.port.answers.any.Load() {
		return
	}
	if l := c.port.answers.of(h.key(), h.client()); l != nil {
		c.doomed.CompareAndSwap(nil, &doomed{h.correlation(), l})
	}
}

// Write writes an answer, or cuts the connection in its place. kfake writes each
// at once.
func (c *conn) Write(b []byte) (int, error) {
	c.tap.wrote(b)
	d := c.doomed.Load()
	if d == nil || len(b) < 8 || binary.BigEndian.Uint32(b[4:]) != d.correlation {
		return c.Conn.Write(b)
	}
	if !c.port.answers.lose(d.loss) {
		c.doomed.Store(nil)
		return c.Conn.Write(b)
	}
	reset(c.Conn)
	return 0, net.ErrClosed
}

// The beginning of a request: its length, its header up to the client id, and as
// much of that as is worth a prefix.
const (
	lengthSize = 4
	fixedSize  = lengthSize + 2 + 2 + 4 + 2 // key, version, correlation id, length of the client id
	clientSize = 64
)

// header is the beginning of a request.
type header struct {
	bytes [fixedSize + clientSize]byte
	have  int
}

// need is how many bytes the header has, as far as it is known by now.
func (h *header) need() int {
	if h.have < lengthSize {
		return lengthSize
	}
	if h.have < fixedSize {
		return min(fixedSize, h.frame())
	}
	client := int(int16(binary.BigEndian.Uint16(h.bytes[fixedSize-2:]))) // below zero: none
	return min(fixedSize+max(client, 0), len(h.bytes), h.frame())
}

// frame is the length of the request, that of its length included.
func (h *header) frame() int { return lengthSize + int(binary.BigEndian.Uint32(h.bytes[:])) }

func (h *header) key() int16 { return int16(binary.BigEndian.Uint16(h.bytes[lengthSize:])) }

func (h *header) correlation() uint32 { return binary.BigEndian.Uint32(h.bytes[lengthSize+4:]) }

func (h *header) client() string { return string(h.bytes[fixedSize:h.have]) }

// requests finds the requests in a stream of bytes.
type requests struct {
	header header
	skip   int // skip are the bytes left of the request whose header was complete last.
}

// follow goes on with b and calls seen with each header that is complete.
func (r *requests) follow(b []byte, seen func(*header)) {
	for len(b) > 0 {
		if n := min(r.skip, len(b)); n > 0 {
			r.skip -= n
			b = b[n:]
			continue
		}
		h := &r.header
		n := copy(h.bytes[h.have:h.need()], b)
		h.have += n
		b = b[n:]
		if h.have < h.need() {
			continue
		}
		if h.have >= fixedSize {
			seen(h)
		}
		r.skip = h.frame() - h.have
		h.have = 0
	}
}
