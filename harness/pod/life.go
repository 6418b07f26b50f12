package pod

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// exitPanicked is how Go ends a process that panicked.
const exitPanicked = 2

// patience is how often the work tells a dead pod that it is dead before it ends
// the goroutine that asks: it may be one that never gives up, and in virtual time
// one that does not wait between its tries stops the clock.
const patience = 10_000

// life is one incarnation of a pod that is no process.
//
// Goroutines cannot be killed, so its death is made outside of it: in one step
// its journal closes, its connections are cut and none is made any more. Work
// under way never has an effect then, an attempt stays open as that of a killed
// process does, and nothing reaches a broker. What is left of the consumer finds
// all it does failing and its context ended, and is expected to come to its end.
//
// A pause holds what comes from the pod and to it at the same three places: its
// work, its reads and its writes.
type life struct {
	spec   Spec
	shim   *shim
	dial   dialer
	exited func(Incarnation) // exited is called with a death that was not asked for. May be nil.
	ctx    context.Context   // ctx ends when the pod is told to stop, or dies.
	cancel context.CancelFunc

	ended    chan struct{} // closed with the death
	returned chan struct{} // closed when the consumer has returned
	pleas    atomic.Int64  // calls of the work since the death

	mu     sync.RWMutex // read-locked by the work while it writes into the journal
	record Incarnation
	dead   bool
	going  chan struct{}      // closed when a pause is over, nil where none is
	conns  map[*wire]struct{} // nil once dead
}

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// newLife makes an incarnation that has not begun: run begins it.
func newLife(spec Spec, clock ledger.Clock, exited func(Incarnation)) (*life, error) {
	journal, err := ledger.CreateSmall(spec.Journal)
	if err != nil {
		return nil, err
	}
	l := &life{
		dial: spec.Config.Dialer, exited: exited, conns: map[*wire]struct{}{},
		ended: make(chan struct{}), returned: make(chan struct{}),
		record: spec.incarnation(clock.Now()),
	}
	spec.Config.Dialer = l.connect
	l.spec = spec
	if l.shim, err = newShim(spec, journal, clock, l.fault); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	l.shim.gate = l
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// run is the life: the consumer, and the death that its return is.
func (l *life) run(implementation *harness.Implementation) {
	mark(l.record.Journal)
	defer close(l.returned)
	code, err := l.consume(implementation)
	words := ""
	if err != nil {
		words = fmt.Sprintf("pod: %v\n", err)
	}
	l.die(fmt.Sprintf("exit status %d", code), words, func() bool {
		return l.record.Told != 0 && (code == exitClean || code == exitFailed)
	})
}

func (l *life) consume(implementation *harness.Implementation) (code int, err error) {
	defer func() {
		if p := recover(); p != nil {
			code, err = exitPanicked, fmt.Errorf("panic: %v\n\n%s", p, debug.Stack())
		}
	}()
	return consumeWith(l.ctx, implementation, l.spec, l.shim)
}

// kill is the death by SIGKILL.
func (l *life) kill() {
	l.die("signal: killed", "", func() bool { return true })
}

// fault is the death by a fault of the harness.
func (l *life) fault(err error) {
	l.die(ExitFault, fmt.Sprintf("pod: %v\n", err), func() bool { return false })
}

// panicked implements [gate]. A consumer that would recover the panic gets no
// chance to: a panic that nobody recovers would end this process with all its
// pods, and which it is cannot be told before.
func (l *life) panicked(err error) {
	l.die(fmt.Sprintf("exit status %d", exitPanicked), fmt.Sprintf("panic: %v\n\n%s", err, debug.Stack()), func() bool { return false })
	runtime.Goexit()
}

// terminate is SIGTERM, and the end of a pause.
func (l *life) terminate() {
	l.mu.Lock()
	if !l.dead && l.record.Told == 0 {
		l.record.Told = l.shim.clock.Now()
	}
	l.mu.Unlock()
	l.resume()
	l.cancel()
}

// giveUp kills a pod that did not stop when it was asked to.
func (l *life) giveUp() {
	l.mu.Lock()
	l.record.Deaf = !l.dead
	l.mu.Unlock()
	l.kill()
}

// die ends the life unless it has ended. asked is called under mu.
func (l *life) die(exit, words string, asked func() bool) {
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		return
	}
	l.dead = true
	l.record.Down, l.record.Exit, l.record.Asked, l.record.Stderr = l.shim.clock.Now(), exit, asked(), words
	if err := l.shim.journal.Close(); err != nil {
		l.record.Exit, l.record.Asked, l.record.Stderr = ExitFault, false, err.Error()
	}
	conns := l.conns
	l.conns = nil
	if l.going != nil {
		close(l.going)
		l.going = nil
	}
	record := l.record
	l.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
	l.cancel()
	close(l.ended)
	if !record.Asked && l.exited != nil {
		l.exited(record)
	}
}

func (l *life) loadBegins(at int64) { l.shim.began.Store(at) }

func (l *life) alive() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return !l.dead
}

func (l *life) over() <-chan struct{} { return l.ended }

// used is nothing that could be told from what the rest of this process used.
func (l *life) used() (cpu time.Duration, memory int64) { return 0, 0 }

func (l *life) snapshot() Incarnation {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.record
}

func (l *life) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dead && l.going == nil {
		l.going = make(chan struct{})
	}
}

func (l *life) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.going != nil {
		close(l.going)
		l.going = nil
	}
}

func (l *life) paused() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.going != nil
}

// held read-locks mu once the pod is not paused, and reports whether it lives: a
// dead one holds no lock.
func (l *life) held() bool {
	for {
		l.mu.RLock()
		going, dead := l.going, l.dead
		if going == nil && !dead {
			return true
		}
		l.mu.RUnlock()
		if dead {
			return false
		}
		<-going
	}
}

// enter implements [gate]: mu is read-locked while the work writes.
func (l *life) enter() bool {
	if l.held() {
		return true
	}
	if l.pleas.Add(1) > patience {
		runtime.Goexit()
	}
	return false
}

func (l *life) leave() { l.mu.RUnlock() }

// pass waits while the pod is paused, and reports whether it lives.
func (l *life) pass() bool {
	if !l.held() {
		return false
	}
	l.mu.RUnlock()
	return true
}

// cut is what the network of a dead pod says. It is an error of a network by its
// type, too: where kgo finds another it may try again at once, for ever.
func cut(op, call string, why syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(call, why)}
}

func refused() error { return cut("dial", "connect", syscall.ECONNREFUSED) }

// connect is the dialer of the consumer.
func (l *life) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	if !l.pass() {
		return nil, refused()
	}
	c, err := l.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil, errors.Join(refused(), c.Close())
	}
	w := &wire{c, l}
	l.conns[w] = struct{}{}
	return w, nil
}

// wire is a connection of the pod.
type wire struct {
	net.Conn
	life *life
}

// Read holds what it read while the pod is paused.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if !w.life.pass() {
		return 0, cut("read", "read", syscall.ECONNRESET)
	}
	return n, err
}

// Write waits while the pod is paused.
func (w *wire) Write(b []byte) (int, error) {
	if !w.life.pass() {
		return 0, cut("write", "write", syscall.EPIPE)
	}
	return w.Conn.Write(b)
}

// Close implements [net.Conn].
func (w *wire) Close() error {
	w.life.mu.Lock()
	delete(w.life.conns, w)
	w.life.mu.Unlock()
	return w.Conn.Close()
}
