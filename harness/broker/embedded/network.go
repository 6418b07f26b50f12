package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// Network is what connects the nodes of a cluster with their clients. [Backend]
// uses loopback TCP.
type Network interface {
	// Reserve returns the address of a node, counted from 0. The address stays with
	// the node while the node is down; release frees it.
	Reserve(node int) (addr string, release func() error, err error)
	// Listen listens on a reserved address. After Close the listener's error is
	// net.ErrClosed; every other error is temporary.
	Listen(addr string) (net.Listener, error)
	// Dial connects to a listener.
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
}

// loopback is the network of this machine.
type loopback struct{ net.Dialer }

// Reserve implements [Network].
func (*loopback) Reserve(int) (addr string, release func() error, err error) {
	return wire.ReservePort()
}

// Listen implements [Network].
func (*loopback) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

// Dial implements [Network].
func (l *loopback) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return l.DialContext(ctx, network, addr)
}

// network makes the listeners of a kfake. Its ports can go down and come up
// again while kfake believes that its listener is open.
type network struct {
	base  Network
	line  func(node int32) *wire.Line // line returns what a node's connections have in common.
	ports []*port
}

// listenForNode is kfake's function to open a listener. kfake calls it once for
// each node, in the order of the ids, before it serves.
func (n *network) listenForNode(_, _ string) (net.Listener, error) {
	p, err := newPort(n.base, len(n.ports))
	if err != nil {
		return nil, err
	}
	p.line = n.line(int32(len(n.ports)))
	n.ports = append(n.ports, p)
	return p, nil
}

// closePorts takes all ports down and frees their addresses. What stands still ends.
func (n *network) closePorts() error {
	var errs []error
	for _, p := range n.ports {
		errs = append(errs, p.Close(), p.release())
	}
	return errors.Join(errs...)
}

// awaitDisconnects waits until kfake has closed every connection.
func (n *network) awaitDisconnects(within time.Duration) error {
	deadline := time.Now().Add(within)
	for {
		open := 0
		for _, p := range n.ports {
			open += p.countConns()
		}
		if open == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d connections are still in use after %v", open, within)
		}
		time.Sleep(time.Millisecond)
	}
}

// port is the listener of one node. While it is down, connections are refused
// and Accept waits.
type port struct {
	base    Network
	line    *wire.Line
	addr    string
	release func() error // release frees the address.

	mu      sync.Mutex
	changed sync.Cond    // changed is signalled when ln or closed changes.
	ln      net.Listener // ln is nil while the port is down.
	closed  bool
	conns   map[*conn]struct{} // conns are the connections that kfake has not closed yet.

	stands atomic.Pointer[chan struct{}] // stands is closed when the connections, which stand still, go on; nil while they do not.
	slow   atomic.Int64                  // slow is how long each response waits, ns.
	waits  atomic.Int64                  // waits counts the responses that have waited so.
}

func newPort(on Network, node int) (*port, error) {
	addr, release, err := on.Reserve(node)
	if err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	p := &port{base: on, release: release, conns: map[*conn]struct{}{}}
	p.changed.L = &p.mu
	if p.ln, err = on.Listen(addr); err != nil {
		return nil, errors.Join(err, release())
	}
	p.addr = p.ln.Addr().String()
	return p, nil
}

// Addr returns the port's address, whether it is up or down.
func (p *port) Addr() net.Addr {
	addr, err := net.ResolveTCPAddr("tcp", p.addr)
	if err != nil {
		panic("address of a listener: " + err.Error())
	}
	return addr
}

// Accept waits for a connection, also while the port is down.
func (p *port) Accept() (net.Conn, error) {
	for {
		ln := p.awaitListener()
		if ln == nil {
			return nil, net.ErrClosed
		}
		c, err := ln.Accept()
		switch {
		case err == nil:
			if c := p.adoptConn(ln, c); c != nil {
				return c, nil
			}
		case !errors.Is(err, net.ErrClosed):
			// For example no file descriptor is free: that passes.
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// awaitListener waits until the port is up. It returns nil once the port is
// closed.
func (p *port) awaitListener() net.Listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.ln == nil && !p.closed {
		p.changed.Wait()
	}
	return p.ln
}

// adoptConn registers a connection, unless the port went down after it was
// accepted.
func (p *port) adoptConn(ln net.Listener, raw net.Conn) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != ln {
		wire.Reset(raw)
		return nil
	}
	c := &conn{Conn: wire.Wrap(raw, p.line), port: p, ended: make(chan struct{})}
	p.conns[c] = struct{}{}
	return c
}

// takeDown refuses new connections and resets the open ones.
func (p *port) takeDown() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.ln != nil {
		err = p.ln.Close()
		p.ln = nil
	}
	for c := range p.conns {
		c.reset()
	}
	return err
}

// freeze lets all connections stand still: requests do not arrive and responses do not
// leave. New connections are accepted and stand still too.
func (p *port) freeze() {
	gate := make(chan struct{})
	p.stands.CompareAndSwap(nil, &gate)
}

// thaw lets the connections go on.
func (p *port) thaw() {
	if gate := p.stands.Swap(nil); gate != nil {
		close(*gate)
	}
}

// bringUp listens on the same address again. Where the address could not be
// reserved, a client's own connection may use it for a moment.
func (p *port) bringUp(ctx context.Context) error {
	for {
		ln, err := p.base.Listen(p.addr)
		if err == nil {
			p.mu.Lock()
			p.ln = ln
			p.mu.Unlock()
			p.changed.Broadcast()
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Close takes the port down permanently.
func (p *port) Close() error {
	err := p.takeDown()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.changed.Broadcast()
	return err
}

// conn is a connection until kfake closes it.
type conn struct {
	*wire.Conn
	port    *port
	ended   chan struct{} // ended is closed when the connection ends.
	endOnce sync.Once
}

// Read implements [net.Conn].
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.awaitThaw() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(b []byte) (int, error) {
	if d := time.Duration(c.port.slow.Load()); d > 0 {
		if !c.sleep(d) {
			return 0, net.ErrClosed
		}
		c.port.waits.Add(1)
	}
	if !c.awaitThaw() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// awaitThaw waits while the port is frozen. It returns false if the connection ended.
func (c *conn) awaitThaw() bool {
	for {
		gate := c.port.stands.Load()
		if gate == nil {
			return true
		}
		select {
		case <-*gate:
		case <-c.ended:
			return false
		}
	}
}

// sleep returns false if the connection ended.
func (c *conn) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ended:
		return false
	}
}

func (c *conn) end() { c.endOnce.Do(func() { close(c.ended) }) }

// reset ends the connection as the death of the node does.
func (c *conn) reset() {
	c.end()
	c.Reset()
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.end()
	c.port.mu.Lock()
	delete(c.port.conns, c)
	c.port.mu.Unlock()
	return c.Conn.Close()
}

func (p *port) countConns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}
