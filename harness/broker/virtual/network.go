package virtual

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/stampede-bench/stampede/harness"
)

// firstPort is the port of the first node. Only nodes have ports here.
const firstPort = 9092

var _ harness.Dialer = (*Cluster)(nil)

// Dial implements [harness.Dialer].
func (c *Cluster) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return c.network.Dial(ctx, network, addr)
}

// network is a network in memory. To a client it behaves as loopback TCP does,
// but nothing on it takes time. It implements [embedded.Network].
type network struct {
	guard     *Guard
	mu        sync.Mutex
	listeners map[string]*listener
}

func newNetwork() *network { return &network{guard: new(Guard), listeners: map[string]*listener{}} }

// Reserve gives each node its own port.
func (*network) Reserve(node int) (addr string, release func() error, err error) {
	return fmt.Sprintf("127.0.0.1:%d", firstPort+node), func() error { return nil }, nil
}

// Listen opens the listener of an address.
func (n *network) Listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, syscall.EADDRINUSE)
	}
	l := &listener{network: n, addr: addr, dialed: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[addr] = l
	return l, nil
}

// Dial connects to a listener, or fails with a refused connection.
func (n *network) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	if l == nil || n.guard.cut.Load() {
		return nil, refusedError(addr)
	}
	client, server := newConnPair(addr, n.guard)
	select {
	case l.dialed <- server:
		return client, nil
	case <-l.closed:
		return nil, refusedError(addr)
	case <-ctx.Done():
		return nil, address(addr).opError("dial", ctx.Err())
	}
}

func refusedError(addr string) error {
	return address(addr).opError("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))
}

// listener is the open port of a node.
type listener struct {
	network *network
	addr    string
	dialed  chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

// Accept waits for a connection or for Close.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialed:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses connections from now on.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		delete(l.network.listeners, l.addr)
		l.network.mu.Unlock()
		close(l.closed)
	})
	return nil
}

// Addr returns the address of the listener.
func (l *listener) Addr() net.Addr { return address(l.addr) }

// address is an address of the network.
type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

// opError wraps an error as package net does: clients decide by the type which
// errors are temporary.
func (a address) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: a.Network(), Addr: a, Err: err}
}
