package embedded

import (
	"encoding/binary"
	"net"
	"sync/atomic"
)

// conn is a connection that its port knows of until kfake closes it. It is listened
// to, and cut where the answer to a request is to be lost: a control function of
// kfake is told neither who asks nor over which connection.
type conn struct {
	net.Conn
	port   *port
	tap    *wiretap
	doomed atomic.Pointer[doomed]
}

// doomed is an answer that is to be lost.
type doomed struct {
	correlation int32
	loss        *loss
}

func newConn(raw net.Conn, p *port) *conn {
	c := &conn{Conn: raw, port: p, tap: p.tap()}
	c.tap.watched, c.tap.head = p.answers.about, c.requested
	return c
}

// requested notes a request whose answer is to be lost. kfake handles the
// requests of a connection one after the other, and a lost answer is the last
// thing of it: the first that was noted is the only one that matters.
func (c *conn) requested(key int16, correlation int32, client string) {
	if l := c.port.answers.of(key, client); l != nil {
		c.doomed.CompareAndSwap(nil, &doomed{correlation, l})
	}
}

// Read follows the requests that come over the connection.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tap.read(b[:n])
	return n, err
}

// Write writes an answer, or cuts the connection in its place. kfake writes each
// at once.
func (c *conn) Write(b []byte) (int, error) {
	c.tap.wrote(b)
	d := c.doomed.Load()
	if d == nil || len(b) < 8 || int32(binary.BigEndian.Uint32(b[4:])) != d.correlation {
		return c.Conn.Write(b)
	}
	if !c.port.answers.lose(d.loss) {
		c.doomed.Store(nil)
		return c.Conn.Write(b)
	}
	reset(c.Conn)
	return 0, net.ErrClosed
}

func (c *conn) Close() error {
	c.port.mu.Lock()
	delete(c.port.conns, c)
	c.port.mu.Unlock()
	c.tap.end()
	return c.Conn.Close()
}

// reset ends a connection as the kernel ends those of a killed process with
// unread data: the peer reads an error, not an end of file.
func reset(c net.Conn) {
	if c, ok := c.(interface{ SetLinger(seconds int) error }); ok {
		c.SetLinger(0)
	}
	c.Close()
}
