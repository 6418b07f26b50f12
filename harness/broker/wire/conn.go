package wire

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Observer sees exchanges. Its functions are called by the goroutines of the connections.
type Observer struct {
	// Wants selects the kinds of requests, by their Kafka API key.
	Wants func(key int16) bool
	// OnRequest is called before the broker gets a request.
	OnRequest func(*Exchange)
	// OnExchange is called once for each request: before the client gets the response, or when
	// the connection ended without one.
	OnExchange func(*Exchange)
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
	tailOf  int32 // tailOf is the correlation id of the response whose tail is gathered. The writer owns it.
	dropped bool  // dropped: a rule dropped a request, so all bytes are dropped. The reader owns it.

	mu         sync.Mutex // a client may send on before it has the response
	unanswered map[int32]pending
	silent     bool // silent: responses are dropped.
}

// pending is a request without a response.
type pending struct {
	header   header
	exchange *Exchange // exchange is nil if no observer wants it.
	ruled    bool      // ruled: a rule may be about the response.
}

const (
	firstBuffer = 16 << 10
	mostBuffer  = 256 << 10
)

// Wrap returns raw with the observer and the rules of l in its way. [Conn.Close] closes raw.
func Wrap(raw net.Conn, l *Line) *Conn {
	return &Conn{Conn: raw, line: l, ended: make(chan struct{}), unanswered: map[int32]pending{}}
}

// Read implements [net.Conn]. It returns requests, each after its observer and its rule.
func (c *Conn) Read(b []byte) (int, error) {
	for len(c.out) == 0 {
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
	c.in, c.filled = c.buf[:n], n == len(c.buf)
	if n > 0 {
		return nil
	}
	return err
}

// Write implements [net.Conn]. It takes responses and passes them on, each after its observer
// and its rule.
func (c *Conn) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		var pass, frame []byte
		pass, frame, rest = c.responses.next(rest, c.treatResponse)
		switch {
		case frame == nil:
		case c.responses.isEnd:
			c.forgetRequest(c.tailOf)
			pass = c.line.addresses.rewriteTail(frame, true)
		default:
			if pass = c.admitResponse(frame); pass == nil {
				c.Reset()
				return 0, net.ErrClosed
			}
		}
		if len(pass) == 0 || c.isSilent() {
			continue
		}
		if _, err := c.Conn.Write(pass); err != nil {
			return 0, err
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
	if c.line.Observer.Wants(key) || c.line.addresses.rewrites(key) || c.line.Rules.haveRuleFor(key) {
		return gatherFrame
	}
	return passFrame
}

func (c *Conn) treatResponse(first []byte) treatment {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.unanswered[correlationOf(first)]
	switch {
	case !ok:
		return passFrame
	case p.exchange != nil || p.ruled || !namesLeaders(p.header):
		return gatherFrame
	}
	c.tailOf = p.header.correlation
	return gatherTail
}

// admitRequest returns what the broker gets of a request: the frame, or nothing.
func (c *Conn) admitRequest(frame []byte) ([]byte, error) {
	h, body, ok := readHeader(frame)
	if !ok {
		return frame, nil
	}
	if c.line.Client != "" {
		h.client = c.line.Client
	}
	if a := c.line.Rules.claimFrame(h, false); a != nil {
		switch {
		case !c.await(a) || a.Then == harness.WireReset:
			c.Reset()
			return nil, net.ErrClosed
		case a.Then == harness.WireDrop:
			c.dropped = true
			c.silence()
			return nil, nil
		}
	}
	p := pending{header: h, ruled: c.line.Rules.haveRuleFor(h.key)}
	if c.line.Observer.Wants(h.key) {
		if req := readRequest(h, body); req != nil {
			p.exchange = &Exchange{Node: c.line.Node, Client: h.client, At: c.line.Now(), Request: req}
		}
	}
	if (p.exchange != nil || p.ruled || c.line.addresses.rewritesResponse(h)) && !isUnanswered(h, body) {
		c.mu.Lock()
		if c.unanswered != nil {
			c.unanswered[h.correlation] = p
		}
		c.mu.Unlock()
	}
	if p.exchange != nil && c.line.Observer.OnRequest != nil {
		c.line.Observer.OnRequest(p.exchange)
	}
	return frame, nil
}

// isUnanswered reports whether a request is a produce without acknowledgement, to which no
// response comes.
func isUnanswered(h header, body []byte) bool {
	if h.key != int16(kmsg.Produce) {
		return false
	}
	r := kbin.Reader{Src: body}
	switch { // the transactional id
	case h.version >= 9:
		kmsg.SkipTags(&r)
		r.CompactNullableString()
	case h.version >= 3:
		r.NullableString()
	}
	return r.Int16() == 0 && r.Ok()
}

// admitResponse returns what the client gets of a response, or nil if the connection is to
// be reset.
func (c *Conn) admitResponse(frame []byte) []byte {
	correlation := correlationOf(frame[4:])
	p, ok := c.forgetRequest(correlation)
	if !ok {
		return frame
	}
	passes := true
	var a *activeRule
	if p.ruled {
		a = c.line.Rules.claimFrame(p.header, true)
	}
	changes := a != nil
	if changes {
		passes = c.await(a) && a.Then != harness.WireReset
	}
	if changes && a.Then == harness.WireDrop {
		c.silence()
	}
	if p.exchange != nil {
		p.exchange.Response = readResponse(p.exchange.Request, frame)
		if p.exchange.Response != nil {
			p.exchange.AnsweredAt = c.line.Now()
		}
		p.exchange.Lost = changes && (!passes || a.Then != harness.WirePass)
		c.reportExchange(p.exchange)
	}
	if !passes {
		return nil
	}
	if c.line.addresses.rewritesResponse(p.header) {
		return c.line.addresses.rewriteResponse(p.header, frame)
	}
	return frame
}

// forgetRequest removes a request that has its response.
func (c *Conn) forgetRequest(correlation int32) (p pending, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok = c.unanswered[correlation]
	delete(c.unanswered, correlation)
	return p, ok
}

func (c *Conn) reportExchange(x *Exchange) {
	if x != nil && c.line.Observer.OnExchange != nil {
		c.line.Observer.OnExchange(x)
	}
}

// await waits as a rule says. It reports false if the connection ended first.
func (c *Conn) await(a *activeRule) bool {
	if a.Delay > 0 {
		select {
		case <-c.ended:
			return false
		case <-a.stopped:
		case <-time.After(a.Delay):
		}
	}
	if a.Reached != nil {
		a.Reached()
	}
	if a.Hold != nil {
		select {
		case <-c.ended:
			return false
		case <-a.stopped:
		case <-a.Hold:
		}
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
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
