package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// Broker is a broker behind a front.
type Broker struct {
	ID int32
	// Dial connects to the broker. The front calls it for each connection of a client.
	Dial func(ctx context.Context) (net.Conn, error)
}

// Front is a network of its own for one process of clients: a listener on loopback for each
// broker. The responses of brokers name these listeners, so the process never meets another
// address. The port tells which process speaks, whatever its client ids are. Safe for
// concurrent use.
type Front struct {
	doors []*door

	stop    context.Context // stop ends with Close.
	cancel  context.CancelFunc
	serving sync.WaitGroup
	closing sync.Once
}

const (
	dialTimeout    = 10 * time.Second
	relistenPause  = 10 * time.Millisecond
	redialPause    = 100 * time.Millisecond // redialPause is between two attempts to reach a broker that is down.
	copyBufferSize = 64 << 10
)

// OpenFront opens a front before brokers. Its connections have what line says, each with
// the Node of its broker. Close must follow.
func OpenFront(brokers []Broker, line Line) (_ *Front, err error) {
	f := &Front{}
	f.stop, f.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	addresses := addressBook{}
	for _, b := range brokers {
		l := line
		l.Node, l.addresses = b.ID, addresses
		d := &door{broker: b, line: &l, front: f, conns: map[*Conn]net.Conn{}}
		if d.addr, d.release, err = ReservePort(); err != nil {
			return nil, fmt.Errorf("front of broker %d: reserve a port: %w", b.ID, err)
		}
		f.doors = append(f.doors, d)
		if err = d.listen(); err != nil {
			return nil, fmt.Errorf("front of broker %d: %w", b.ID, err)
		}
		d.addr = d.ln.Addr().String() // the reserved one, unless no address can be reserved here
		addresses[b.ID] = d.addr
	}
	for _, d := range f.doors { // all addresses are known
		ln := d.ln // the door may be shut before the goroutine runs
		f.serving.Go(func() { d.acceptAll(ln) })
	}
	return f, nil
}

// Seeds are the addresses of the listeners, in the order of the brokers.
func (f *Front) Seeds() (seeds []string) {
	for _, d := range f.doors {
		seeds = append(seeds, d.addr)
	}
	return seeds
}

// TakeDown refuses connections to a broker and resets the open ones, as when its process
// dies. Call it before the broker is killed: a listener before a dead broker would accept
// and then reset, and some clients take that for a wrong protocol. Before a broker that ends by
// itself the front does so for one connection. Then it refuses until it reaches the broker.
func (f *Front) TakeDown(broker int32) {
	for _, d := range f.doors {
		if d.broker.ID == broker {
			d.keepShut(true)
			d.shut()
		}
	}
}

// BringUp accepts connections to a broker again, under the same address.
func (f *Front) BringUp(ctx context.Context, broker int32) error {
	for _, d := range f.doors {
		if d.broker.ID != broker {
			continue
		}
		d.keepShut(false)
		for {
			err := d.open()
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.EADDRINUSE) {
				return fmt.Errorf("front of broker %d: %w", broker, err)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("front of broker %d: %w", broker, errors.Join(err, context.Cause(ctx)))
			case <-time.After(relistenPause):
			}
		}
	}
	return nil
}

// Close resets all connections and frees the ports. Nothing of the front runs after it. A
// second call does nothing.
func (f *Front) Close() (err error) {
	f.closing.Do(func() { err = f.end() })
	return err
}

func (f *Front) end() error {
	f.cancel()
	var errs []error
	for _, d := range f.doors {
		d.shut()
	}
	f.serving.Wait()
	for _, d := range f.doors {
		errs = append(errs, d.release())
	}
	return errors.Join(errs...)
}

// door is the listener before one broker.
type door struct {
	broker  Broker
	line    *Line
	front   *Front
	addr    string
	release func() error // release frees the address.

	mu    sync.Mutex
	taken bool               // taken: the door stays shut until BringUp.
	ln    net.Listener       // ln is nil while the door is shut.
	conns map[*Conn]net.Conn // conns has the broker's side of each connection, nil while it is dialed.
}

// open listens, unless the door is open or the front is closed.
func (d *door) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.openLocked()
}

// openLocked is open for a caller that holds mu.
func (d *door) openLocked() error {
	if d.ln != nil || d.front.stop.Err() != nil {
		return nil
	}
	if err := d.listen(); err != nil {
		return err
	}
	ln := d.ln
	d.front.serving.Go(func() { d.acceptAll(ln) })
	return nil
}

// listen opens the listener. The caller holds mu, or owns the front alone.
func (d *door) listen() (err error) {
	d.ln, err = net.Listen("tcp", d.addr)
	if err != nil {
		d.ln = nil
	}
	return err
}

func (d *door) keepShut(taken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken = taken
}

// isDown reports whether an error of a dial means that no process listens at a broker's address,
// or that there is no such address any more. A broker that only does not answer is not down.
func isDown(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}

// shutUntilUp shuts the door before a broker that ended by itself, and opens it when the broker
// can be reached. ln is the listener of the connection that found no broker.
func (d *door) shutUntilUp(ln net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ln != ln {
		return // it is shut, or the broker has come back since
	}
	d.shutLocked()
	d.front.serving.Go(func() {
		for {
			select {
			case <-d.front.stop.Done():
				return
			case <-time.After(redialPause):
			}
			if d.reopen() {
				return
			}
		}
	})
}

// reopen opens the door if the broker can be reached. It reports true if the door is open, or
// if BringUp is to open it.
func (d *door) reopen() bool {
	d.mu.Lock()
	settled := d.taken || d.ln != nil
	d.mu.Unlock()
	if settled {
		return true
	}
	ctx, cancel := context.WithTimeout(d.front.stop, dialTimeout)
	defer cancel()
	up, err := d.broker.Dial(ctx)
	if err != nil {
		return false
	}
	up.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.taken || d.openLocked() == nil
}

// shut closes the listener and resets all connections.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shutLocked()
}

// shutLocked is shut for a caller that holds mu.
func (d *door) shutLocked() {
	if d.ln != nil {
		d.ln.Close()
		d.ln = nil
	}
	for c, up := range d.conns {
		c.Reset()
		if up != nil {
			Reset(up)
		}
	}
}

func (d *door) acceptAll(ln net.Listener) {
	for {
		raw, err := ln.Accept()
		switch {
		case err == nil:
			d.front.serving.Go(func() { d.serve(ln, raw) })
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(relistenPause) // for example no file descriptor is free: that passes
		}
	}
}

// serve joins a connection of a client with one to the broker, until either ends.
func (d *door) serve(ln net.Listener, raw net.Conn) {
	c := Wrap(raw, d.line)
	defer c.Close()
	if !d.adopt(ln, c, nil) {
		c.Reset()
		return
	}
	defer d.forget(c)
	ctx, cancel := context.WithTimeout(d.front.stop, dialTimeout)
	defer cancel()
	up, err := d.broker.Dial(ctx)
	if err != nil {
		c.Reset()
		if isDown(err) {
			d.shutUntilUp(ln)
		}
		return
	}
	defer up.Close()
	if !d.adopt(ln, c, up) {
		c.Reset()
		return
	}
	var requests sync.WaitGroup
	requests.Go(func() {
		clean := copyBytes(up, c) == nil
		c.end() // no response waits any longer: it has no reader
		if clean {
			up.Close() // the broker still gets what the client sent
		} else {
			Reset(up)
		}
	})
	if copyBytes(c, up) != nil {
		c.Reset()
	} else {
		c.Close()
	}
	up.Close()
	requests.Wait()
}

// copyBytes copies without the shortcuts of [io.Copy], which would go around a [Conn].
func copyBytes(to io.Writer, from io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, copyBufferSize))
	return err
}

// adopt notes a connection, unless the door was shut after it was accepted.
func (d *door) adopt(ln net.Listener, c *Conn, up net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ln != ln {
		return false
	}
	d.conns[c] = up
	return true
}

func (d *door) forget(c *Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
}
