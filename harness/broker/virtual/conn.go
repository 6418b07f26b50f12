package virtual

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is one end of a connection. Written bytes wait in memory for the other
// end, without a limit: Kafka's clients and brokers limit what they have in
// flight.
type conn struct {
	addr   address
	in     *stream // in has the bytes that the other end writes.
	out    *stream
	guard  *Guard
	client bool // client marks the client's end.

	mu    sync.Mutex
	reset bool // reset makes Close a reset.
}

// newConnPair returns both ends of a connection to addr.
func newConnPair(addr string, guard *Guard) (client, server *conn) {
	up, down := newStream(), newStream()
	client = &conn{addr: address(addr), in: down, out: up, guard: guard, client: true}
	server = &conn{addr: address(addr), in: up, out: down, guard: guard}
	return client, server
}

// Read implements [net.Conn].
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.readData(b)
	if err != nil && err != io.EOF {
		err = c.addr.opError("read", err)
	}
	return n, err
}

// Write implements [net.Conn]. It waits only where [Guard] slows a client down.
func (c *conn) Write(b []byte) (int, error) {
	if !c.guard.countWrite(b, c.client) {
		return 0, c.addr.opError("write", os.NewSyscallError("write", syscall.ECONNRESET))
	}
	n, err := c.out.appendData(b)
	if err != nil {
		err = c.addr.opError("write", err)
	}
	return n, err
}

// Close ends the connection. The other end still reads what was written, unless
// SetLinger(0) was called.
func (c *conn) Close() error {
	c.mu.Lock()
	reset := c.reset
	c.mu.Unlock()
	c.in.closeWith(net.ErrClosed, os.NewSyscallError("write", syscall.EPIPE), true)
	if reset {
		c.out.closeWith(os.NewSyscallError("read", syscall.ECONNRESET), net.ErrClosed, true)
	} else {
		c.out.closeWith(io.EOF, net.ErrClosed, false)
	}
	return nil
}

// SetLinger(0) makes Close a reset, as on a TCP connection: the other end gets
// an error and loses the bytes in flight.
func (c *conn) SetLinger(seconds int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset = seconds == 0
	return nil
}

// LocalAddr returns the address of the listener, as RemoteAddr does.
func (c *conn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr returns the address of the listener.
func (c *conn) RemoteAddr() net.Addr { return c.addr }

// SetDeadline implements [net.Conn].
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements [net.Conn].
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

// SetWriteDeadline implements [net.Conn]: writes never wait.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// stream is one direction of a connection. Clients set a deadline for every
// read, and few deadlines pass. So the timer is not set again for each: when it
// fires early, it sets itself to the current deadline.
type stream struct {
	mu       sync.Mutex
	changed  sync.Cond
	data     []byte // data[next:] is unread.
	next     int
	readErr  error // readErr is the error of reads once all data is read.
	writeErr error // writeErr is the error of writes.
	deadline time.Time
	timer    *time.Timer // timer is nil until there was a deadline.
	armed    time.Time   // armed is when the timer fires, zero if it is not set.
}

func newStream() *stream {
	s := new(stream)
	s.changed.L = &s.mu
	return s
}

func (s *stream) readData(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.deadlinePassed():
			return 0, os.ErrDeadlineExceeded
		case s.next < len(s.data):
			n := copy(b, s.data[s.next:])
			if s.next += n; s.next == len(s.data) {
				s.empty()
			}
			return n, nil
		case s.readErr != nil:
			return 0, s.readErr
		case len(b) == 0:
			return 0, nil
		}
		s.armTimer()
		s.changed.Wait()
	}
}

// keptRoom is the most room that an empty stream keeps: thousands of connections wait.
const keptRoom = 512

// spareRoom has the room of streams that are empty, as *[]byte.
var spareRoom sync.Pool

// empty makes the stream empty. The caller holds mu.
func (s *stream) empty() {
	if s.data, s.next = s.data[:0], 0; cap(s.data) > keptRoom {
		room := s.data
		s.data = nil
		spareRoom.Put(&room)
	}
}

func (s *stream) appendData(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	if s.next > len(s.data)/2 && len(s.data)+len(b) > cap(s.data) { // drop the read part to make room
		s.data, s.next = s.data[:copy(s.data, s.data[s.next:])], 0
	}
	if s.data == nil && len(b) > keptRoom {
		if room, ok := spareRoom.Get().(*[]byte); ok {
			s.data = *room
		}
	}
	s.data = append(s.data, b...)
	s.changed.Signal()
	return len(b), nil
}

// closeWith sets the errors of later reads and writes, unless they have errors
// already. drop discards unread data.
func (s *stream) closeWith(reading, writing error, drop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == nil || drop && s.readErr == io.EOF {
		s.readErr = reading
	}
	if s.writeErr == nil {
		s.writeErr = writing
	}
	if drop {
		s.data, s.next = nil, 0
		if s.timer != nil {
			s.timer.Stop()
		}
	}
	s.changed.Broadcast()
}

// setDeadline sets the deadline of reads; the zero time means no deadline.
func (s *stream) setDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if !t.IsZero() && (s.armed.IsZero() || s.armed.After(t)) {
		s.changed.Broadcast() // a reader finds that it has passed, or sets the timer to it
	}
}

// deadlinePassed reports whether the deadline has passed. The caller holds mu.
func (s *stream) deadlinePassed() bool { return !s.deadline.IsZero() && !time.Now().Before(s.deadline) }

// armTimer makes the timer fire at the deadline or earlier. The caller holds mu.
func (s *stream) armTimer() {
	if s.deadline.IsZero() || !s.armed.IsZero() && !s.armed.After(s.deadline) {
		return
	}
	s.armed = s.deadline
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(s.deadline), s.wakeReaders)
	} else {
		s.timer.Reset(time.Until(s.deadline))
	}
}

// wakeReaders wakes readers at their deadline, or so that they set the timer to
// a later one.
func (s *stream) wakeReaders() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = time.Time{}
	s.changed.Broadcast()
}
