package virtual

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is one end of a connection. What is written waits in memory for the
// other end, without a limit: Kafka's clients and brokers bound what they have
// under way by themselves.
type conn struct {
	addr   address
	in     *stream // in is what the other end writes.
	out    *stream
	guard  *Guard
	client bool // client says that it is the client's end

	mu    sync.Mutex
	reset bool // Close shall be a reset.
}

// pipe is both ends of a connection to addr.
func pipe(addr string, guard *Guard) (client, server *conn) {
	up, down := newStream(), newStream()
	client = &conn{addr: address(addr), in: down, out: up, guard: guard, client: true}
	server = &conn{addr: address(addr), in: up, out: down, guard: guard}
	return client, server
}

// Read implements [net.Conn].
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	if err != nil && err != io.EOF {
		err = c.addr.failed("read", err)
	}
	return n, err
}

// Write implements [net.Conn]. It never waits.
func (c *conn) Write(b []byte) (int, error) {
	if !c.guard.passes(b, c.client) {
		return 0, c.addr.failed("write", os.NewSyscallError("write", syscall.ECONNRESET))
	}
	n, err := c.out.write(b)
	if err != nil {
		err = c.addr.failed("write", err)
	}
	return n, err
}

// Close ends the connection. The other end still reads what was written, unless
// SetLinger(0) was called.
func (c *conn) Close() error {
	c.mu.Lock()
	reset := c.reset
	c.mu.Unlock()
	c.in.end(net.ErrClosed, os.NewSyscallError("write", syscall.EPIPE), true)
	if reset {
		c.out.end(os.NewSyscallError("read", syscall.ECONNRESET), net.ErrClosed, true)
	} else {
		c.out.end(io.EOF, net.ErrClosed, false)
	}
	return nil
}

// SetLinger with 0 seconds makes Close a reset, as on a TCP connection: the other
// end reads an error, and not what is still under way.
func (c *conn) SetLinger(seconds int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset = seconds == 0
	return nil
}

// LocalAddr is, as RemoteAddr, the address of the listener.
func (c *conn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr is the address of the listener.
func (c *conn) RemoteAddr() net.Addr { return c.addr }

// SetDeadline implements [net.Conn].
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements [net.Conn].
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.until(t)
	return nil
}

// SetWriteDeadline implements [net.Conn]: writes never wait.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// stream is one direction of a connection. Clients set a deadline for every
// read, and nearly none passes, so the timer is not set anew with each: it fires
// now and then and sets itself to the deadline there is.
type stream struct {
	mu       sync.Mutex
	changed  sync.Cond
	data     []byte // data from next on is not read yet.
	next     int
	reading  error // reading is the error of reads once there is no data.
	writing  error // writing is the error of writes.
	deadline time.Time
	timer    *time.Timer // timer is nil until there was a deadline.
	armed    time.Time   // armed is when the timer fires, zero if it is not set.
}

func newStream() *stream {
	s := new(stream)
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.expired():
			return 0, os.ErrDeadlineExceeded
		case s.next < len(s.data):
			n := copy(b, s.data[s.next:])
			if s.next += n; s.next == len(s.data) {
				s.data, s.next = s.data[:0], 0
			}
			return n, nil
		case s.reading != nil:
			return 0, s.reading
		case len(b) == 0:
			return 0, nil
		}
		s.arm()
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing != nil {
		return 0, s.writing
	}
	if s.next > len(s.data)/2 && len(s.data)+len(b) > cap(s.data) { // what was read makes room
		s.data, s.next = s.data[:copy(s.data, s.data[s.next:])], 0
	}
	s.data = append(s.data, b...)
	s.changed.Signal()
	return len(b), nil
}

// end sets the errors of reads and writes to come, unless there are some
// already; drop throws away what was not read.
func (s *stream) end(reading, writing error, drop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading == nil || drop && s.reading == io.EOF {
		s.reading = reading
	}
	if s.writing == nil {
		s.writing = writing
	}
	if drop {
		s.data, s.next = nil, 0
		if s.timer != nil {
			s.timer.Stop()
		}
	}
	s.changed.Broadcast()
}

// until sets the deadline of reads; zero is none.
func (s *stream) until(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if !t.IsZero() && (s.armed.IsZero() || s.armed.After(t)) {
		s.changed.Broadcast() // who waits finds that it has passed, or sets the timer to it
	}
}

// expired reports that the deadline has passed. The caller holds mu.
func (s *stream) expired() bool { return !s.deadline.IsZero() && !time.Now().Before(s.deadline) }

// arm has the timer fire at the deadline or before. The caller holds mu.
func (s *stream) arm() {
	if s.deadline.IsZero() || !s.armed.IsZero() && !s.armed.After(s.deadline) {
		return
	}
	s.armed = s.deadline
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(s.deadline), s.fire)
	} else {
		s.timer.Reset(time.Until(s.deadline))
	}
}

// fire wakes who waits: for its deadline, or to set the timer to a later one.
func (s *stream) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = time.Time{}
	s.changed.Broadcast()
}
