package wire

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Observer sees exchanges. Its functions are called by the goroutines of the connections.
type Observer struct {
	// Wants selects the kinds of requests, by their Kafka API key.
	Wants func(key int16) bool
	// OnRequest is called before the broker gets a request.
	OnRequest func(*Exchange)
	// OnFetch is called before the broker gets a fetch, of which it is the only observer: a
	// response with records is not gathered for it. nil: fetches are not read.
	OnFetch func(client string, at int64, req *kmsg.FetchRequest)
	// OnExchange is called once for each request: before the client gets the response, or when
	// the connection ended without one.
	OnExchange func(*Exchange)
	// OnEnd is called after OnExchange, and also for a request that the broker never got.
	OnEnd func(*Exchange)
}

// Line is what connections have in common. All exported fields but Client must be set.
type Line struct {
	Node     int32
	Client   string       // Client is who speaks; "" takes the client id of each request.
	Now      func() int64 // Now is the clock of exchanges, ns.
	Observer Observer
	Rules    *Rules

	addresses addressBook // addresses replace those of brokers; nil keeps them.
}

// Conn is the broker's end of a connection: Read returns requests, Write takes responses.
// One goroutine may read while another one writes.
type Conn struct {
	net.Conn
	line *Line

	requests, responses stream
	buf                 []byte // buf is what requests are read into.
	filled              bool   // filled: the last read filled buf.
	in, out             []byte // in is read and not judged yet; out may pass on.

	ended   chan struct{} // ended is closed when the connection ends.
	endOnce sync.Once
	tailOf  int32     // tailOf is the correlation id of the response whose tail is gathered. The writer owns it, and kept.
	kept    bool      // kept: an observer may keep parts of the last response.
	arrived time.Time // arrived is when in was read, while there are rules. The reader owns it, and all below.
	last    string    // last is the client id of the last request.
	greeted bool      // greeted: the first request has come, and told the client id.
	dropped bool      // dropped: a rule dropped a request, so all bytes are dropped.
	cut     bool      // cut: a rule cut a request, so the connection is reset behind out.

	mu         sync.Mutex // a client may send on before it has the response
	unanswered map[int32]pending
	client     string // client is the client id of the first request.
	silent     bool   // silent: responses are dropped.
}

// pending is a request without a response.
type pending struct {
	header   header
	exchange *Exchange     // exchange is nil if no observer wants it.
	ruled    bool          // ruled: a rule may be about the response.
	refusal  kmsg.Response // refusal takes the place of the response, unless it is nil.
}

const (
	firstBuffer = 2 << 10 // thousands of connections may wait
	mostBuffer  = 256 << 10
	// resetPause is how long a reset waits for bytes before it, which it may overtake.
	resetPause = 5 * time.Millisecond
)

// Wrap returns raw with the observer and the rules of l in its way. [Conn.Close] closes raw.
// While a request waits, the Conn sets read deadlines of raw, and its user must not.
func Wrap(raw net.Conn, l *Line) *Conn {
	return &Conn{Conn: raw, line: l, ended: make(chan struct{}), unanswered: map[int32]pending{}}
}

// Read implements [net.Conn]. It returns requests, each after its observer and its rule.
func (c *Conn) Read(b []byte) (int, error) {
	for len(c.out) == 0 {
		if c.cut {
			time.Sleep(resetPause)
			c.Reset()
			return 0, net.ErrClosed
		}
		if len(c.in) == 0 {
			if err := c.fill(); err != nil {
				return 0, err
			}
		}
		var frame []byte
		c.out, frame, c.in = c.requests.next(c.in, c.treatRequest)
		if frame != nil {
			var err error
			if c.out, err = c.admitRequest(frame); err != nil {
				return 0, err
			}
		}
		if c.dropped || c.isSilent() {
			c.in, c.out = nil, nil
		}
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	return n, nil
}

// fill reads more. The buffer grows with what there is to read.
func (c *Conn) fill() error {
	switch {
	case c.buf == nil:
		c.buf = make([]byte, firstBuffer)
	case c.filled && len(c.buf) < mostBuffer:
		c.buf = make([]byte, 2*len(c.buf))
	}
	n, err := c.Conn.Read(c.buf)
	if len(c.line.Rules.all()) > 0 {
		c.arrived = time.Now()
	}
	c.in, c.filled = c.buf[:n], n == len(c.buf)
	if n > 0 {
		return nil
	}
	return err
}

// Write implements [net.Conn]. It takes responses and passes them on, each after its observer
// and its rule.
func (c *Conn) Write(b []byte) (int, error) {
	var arrived time.Time
	if len(c.line.Rules.all()) > 0 {
		arrived = time.Now()
	}
	for rest := b; len(rest) > 0; {
		resets := false
		var pass, frame []byte
		pass, frame, rest = c.responses.next(rest, c.treatResponse)
		switch {
		case frame == nil:
		case c.responses.isEnd:
			c.forgetRequest(c.tailOf)
			pass = c.line.addresses.rewriteTail(frame, true)
		default:
			pass, resets = c.admitResponse(frame, arrived)
		}
		if len(pass) > 0 && !c.isSilent() {
			if _, err := c.Conn.Write(pass); err != nil {
				return 0, err
			}
		}
		if frame != nil && !c.kept {
			c.responses.reuse(frame)
		}
		if resets {
			if len(pass) > 0 {
				time.Sleep(resetPause)
			}
			c.Reset()
			return 0, net.ErrClosed
		}
	}
	return len(b), nil
}

// Close ends the connection. Requests without a response stay without one.
func (c *Conn) Close() error {
	c.end()
	c.mu.Lock()
	open := c.unanswered
	c.unanswered = nil
	c.mu.Unlock()
	for _, p := range open {
		c.reportExchange(p.exchange)
	}
	return c.Conn.Close()
}

// Reset ends the connection as the kernel ends those of a killed process with unread data:
// the peer gets an error, not an end of file. Close must follow.
func (c *Conn) Reset() {
	c.end()
	Reset(c.Conn)
}

// Reset closes a connection so that the peer gets an error, where the connection can.
func Reset(c net.Conn) {
	if c, ok := c.(interface{ SetLinger(seconds int) error }); ok {
		c.SetLinger(0)
	}
	c.Close()
}

func (c *Conn) end() { c.endOnce.Do(func() { close(c.ended) }) }

func (c *Conn) treatRequest(first []byte) treatment {
	key := int16(binary.BigEndian.Uint16(first))
	if !c.greeted || c.line.Observer.Wants(key) || c.observesFetch(key) || c.line.addresses.rewrites(key) || c.line.Rules.haveRuleFor(key) {
		return gatherFrame
	}
	return passFrame
}

func (c *Conn) treatResponse(first []byte) treatment {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.unanswered[correlationOf(first)]
	switch {
	case c.line.Rules.haveRuleForAny():
		return gatherFrame
	case !ok:
		return passFrame
	case p.exchange != nil || p.ruled || !namesLeaders(p.header):
		return gatherFrame
	}
	c.tailOf = p.header.correlation
	return gatherTail
}

// forgetRequest removes a request that has its response.
func (c *Conn) forgetRequest(correlation int32) (p pending, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok = c.unanswered[correlation]
	delete(c.unanswered, correlation)
	return p, ok
}

// reportExchange reports an exchange that is over.
func (c *Conn) reportExchange(x *Exchange) {
	if x == nil {
		return
	}
	if x.At != 0 && c.line.Observer.OnExchange != nil {
		c.line.Observer.OnExchange(x)
	}
	if c.line.Observer.OnEnd != nil {
		c.line.Observer.OnEnd(x)
	}
}

// silence drops all further responses.
func (c *Conn) silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
}

func (c *Conn) isSilent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent
}
