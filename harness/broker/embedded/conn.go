package embedded

import (
	"encoding/binary"
	"net"
	"sync/atomic"
)

// conn is a connection until kfake closes it. Its tap reads the traffic, and it
// is cut where a response is to be dropped. kfake's control functions cannot do
// that: they do not know the client or the connection.
type conn struct {
	net.Conn
	port *port
	tap  *wiretap
	drop atomic.Pointer[pendingDrop]
}

// pendingDrop is a response to drop.
type pendingDrop struct {
	correlation int32
	rule        *dropRule
}

func newConn(raw net.Conn, p *port) *conn {
	c := &conn{Conn: raw, port: p, tap: p.tap()}
	c.tap.wantsHead, c.tap.onHead = p.dropRules.hasRuleFor, c.noteRequest
	return c
}

// noteRequest notes a request whose response is to be dropped. kfake handles the
// requests of a connection in order, and a dropped response is the last one of
// its connection. So only the first request noted matters.
func (c *conn) noteRequest(key int16, correlation int32, client string) {
	if l := c.port.dropRules.matchRule(key, client); l != nil {
		c.drop.CompareAndSwap(nil, &pendingDrop{correlation, l})
	}
}

// Read shows the tap the requests that come over the connection.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tap.feedRequests(b[:n])
	return n, err
}

// Write writes a response, or cuts the connection instead. kfake writes each
// response in one call.
func (c *conn) Write(b []byte) (int, error) {
	c.tap.feedResponses(b)
	d := c.drop.Load()
	if d == nil || len(b) < 8 || int32(binary.BigEndian.Uint32(b[4:])) != d.correlation {
		return c.Conn.Write(b)
	}
	if !c.port.dropRules.countDrop(d.rule) {
		c.drop.Store(nil)
		return c.Conn.Write(b)
	}
	reset(c.Conn)
	return 0, net.ErrClosed
}

func (c *conn) Close() error {
	c.port.mu.Lock()
	delete(c.port.conns, c)
	c.port.mu.Unlock()
	c.tap.endUnanswered()
	return c.Conn.Close()
}

// reset ends a connection as the kernel ends those of a killed process with
// unread data: the peer gets an error, not an end of file.
func reset(c net.Conn) {
	if c, ok := c.(interface{ SetLinger(seconds int) error }); ok {
		c.SetLinger(0)
	}
	c.Close()
}
