package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// Network is what the nodes of a cluster listen on. [Backend] has loopback TCP.
type Network interface {
	// Reserve is the address of a node, counted from 0, and keeps it for the node
	// while it is down; release gives it back.
	Reserve(node int) (addr string, release func() error, err error)
	// Listen listens on an address that was reserved. The listener's errors are
	// net.ErrClosed after its Close, and others pass.
	Listen(addr string) (net.Listener, error)
	// Dial connects to a listener.
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
}

// loopback is the network of this machine.
type loopback struct{ net.Dialer }

// Reserve implements [Network].
func (*loopback) Reserve(int) (addr string, release func() error, err error) { return reserve() }

// Listen implements [Network].
func (*loopback) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

// Dial implements [Network].
func (l *loopback) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return l.DialContext(ctx, network, addr)
}

// network makes the listeners of a kfake: ports that can go down and come up
// again while kfake believes its listener open.
type network struct {
	on      Network
	tap     func() *wiretap // tap is called for each connection.
	ports   []*port
	answers answers
}

// listen is kfake's way to a listener. kfake calls it once a node, in the order
// of the ids, before it serves.
func (n *network) listen(_, _ string) (net.Listener, error) {
	p, err := newPort(n.on, len(n.ports), &n.answers)
	if err != nil {
		return nil, err
	}
	p.tap = n.tap
	n.ports = append(n.ports, p)
	return p, nil
}

// close takes all ports down for good and gives them back.
func (n *network) close() error {
	var errs []error
	for _, p := range n.ports {
		errs = append(errs, p.Close(), p.release())
	}
	return errors.Join(errs...)
}

// wait waits until kfake has given up every connection.
func (n *network) wait(within time.Duration) error {
	deadline := time.Now().Add(within)
	for {
		open := 0
		for _, p := range n.ports {
			open += p.open()
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

// port is the listener of one node. While it is down a connection is refused
// and Accept waits.
type port struct {
	on      Network
	answers *answers
	tap     func() *wiretap
	addr    string
	release func() error // release gives the address back.

	mu      sync.Mutex
	changed sync.Cond    // changed says that ln or closed did.
	ln      net.Listener // ln is nil while the port is down.
	closed  bool
	conns   map[*conn]struct{} // conns are those kfake has not closed yet.
}

func newPort(on Network, node int, answers *answers) (*port, error) {
	addr, release, err := on.Reserve(node)
	if err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	p := &port{on: on, answers: answers, release: release, conns: map[*conn]struct{}{}}
	p.changed.L = &p.mu
	if p.ln, err = on.Listen(addr); err != nil {
		return nil, errors.Join(err, release())
	}
	p.addr = p.ln.Addr().String()
	return p, nil
}

// Addr is the port's address, whether it is up or down.
func (p *port) Addr() net.Addr {
	addr, err := net.ResolveTCPAddr("tcp", p.addr)
	if err != nil {
		panic("address of a listener: " + err.Error())
	}
	return addr
}

// Accept waits for a connection, through times when the port is down.
func (p *port) Accept() (net.Conn, error) {
	for {
		ln := p.listener()
		if ln == nil {
			return nil, net.ErrClosed
		}
		c, err := ln.Accept()
		switch {
		case err == nil:
			if c := p.adopt(ln, c); c != nil {
				return c, nil
			}
		case !errors.Is(err, net.ErrClosed):
			// Out of file descriptors, say: others will be free in a while.
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// listener waits until the port is up; nil: it is closed.
func (p *port) listener() net.Listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.ln == nil && !p.closed {
		p.changed.Wait()
	}
	return p.ln
}

// adopt takes a connection on, unless the port went down since it was accepted.
func (p *port) adopt(ln net.Listener, raw net.Conn) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != ln {
		reset(raw)
		return nil
	}
	c := newConn(raw, p)
	p.conns[c] = struct{}{}
	return c
}

// down refuses connections from now on and resets those there are.
func (p *port) down() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.ln != nil {
		err = p.ln.Close()
		p.ln = nil
	}
	for c := range p.conns {
		reset(c.Conn)
	}
	return err
}

// up listens on the same address again. Where the address could not be kept
// while it was down, a client's own connection may sit on it for a moment.
func (p *port) up(ctx context.Context) error {
	for {
		ln, err := p.on.Listen(p.addr)
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

// Close takes the port down for good.
func (p *port) Close() error {
	err := p.down()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.changed.Broadcast()
	return err
}

func (p *port) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}
