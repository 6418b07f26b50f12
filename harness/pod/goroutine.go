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

// exitPanicked is the exit status of a Go process that panicked.
const exitPanicked = 2

// maxCallsAfterDeath is how often the work of a dead pod returns an error before it
// ends the calling goroutine. A consumer may retry for ever, and in virtual time
// retries without a wait stop the clock.
const maxCallsAfterDeath = 10_000

// goroutineInstance is one incarnation of a pod that runs as goroutines.
//
// Goroutines cannot be killed, so the death is made from outside. In one step the
// journal closes, all connections are cut and new ones are refused. Work in flight
// then has no effect, its attempt stays open as after SIGKILL, and nothing reaches a
// broker. The rest of the consumer finds every call failing and its context ended,
// and has to return.
//
// A pause holds the pod at the same three places: its work, its reads and its writes.
type goroutineInstance struct {
	spec   Spec
	shim   *shim
	lines  *lines
	dial   dialer
	exited func(Incarnation) // exited is called when the instance ends unintended. May be nil.
	ctx    context.Context   // ctx ends with a request to stop, and with the death.
	cancel context.CancelFunc

	ended           chan struct{} // closed at the death
	returned        chan struct{} // closed when the consumer has returned
	callsAfterDeath atomic.Int64  // calls of the work after the death

	mu      sync.RWMutex // the work holds a read lock while it writes into the journal
	record  Incarnation
	dead    bool
	resumed chan struct{}         // closed at the end of a pause; nil if the pod is not paused
	conns   map[*podConn]struct{} // nil after the death
}

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// newGoroutineInstance makes an instance; runConsumer starts it.
func newGoroutineInstance(spec Spec, clock ledger.Clock, exited func(Incarnation)) (*goroutineInstance, error) {
	journal, err := ledger.CreateSmall(spec.Journal)
	if err != nil {
		return nil, err
	}
	g := &goroutineInstance{
		dial: spec.Config.Dialer, exited: exited, conns: map[*podConn]struct{}{},
		ended: make(chan struct{}), returned: make(chan struct{}),
		record: spec.newIncarnation(clock.Now()),
	}
	spec.Config.Dialer = g.dialBroker
	if g.shim, err = newShim(spec, journal, clock, g.dieOfFault); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	g.shim.gate, g.shim.ended = g, g.ended
	spec.Config.Polled = g.shim.notePoll
	g.spec = spec
	g.lines = newLines(journal, clock, spec.Owner)
	g.lines.gate = g
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g, nil
}

// runConsumer calls the consumer. The instance dies when the consumer returns.
func (g *goroutineInstance) runConsumer(implementation *harness.Implementation) {
	labelGoroutine(g.record.Journal)
	defer close(g.returned)
	code, err := g.consumeRecovering(implementation)
	stderr := ""
	switch {
	case code == exitPanicked: // as Go prints it
		stderr = fmt.Sprintln(err)
	case err != nil:
		stderr = fmt.Sprintf("pod: %v\n", err)
	}
	g.markDead(exitText(code), stderr, func() bool { return g.record.mayReturn(code) })
}

func (g *goroutineInstance) consumeRecovering(implementation *harness.Implementation) (code int, err error) {
	defer func() {
		if p := recover(); p != nil {
			code, err = exitPanicked, fmt.Errorf("panic: %v\n\n%s", p, debug.Stack())
		}
	}()
	return consumeWith(g.ctx, implementation, g.spec, g.shim, g.lines)
}

// killNow is what SIGKILL is for a process.
func (g *goroutineInstance) killNow() {
	g.markDead("signal: killed", "", func() bool { return true })
}

// dieOfFault ends the pod after a fault of the harness.
func (g *goroutineInstance) dieOfFault(err error) {
	g.markDead(ExitFault, fmt.Sprintf("pod: %v\n", err), func() bool { return false })
}

// dieOfPanic implements [gate]. It gives the consumer no chance to recover the panic:
// an unrecovered panic would end this process with all pods, and the harness cannot
// know beforehand whether the consumer recovers it.
func (g *goroutineInstance) dieOfPanic(err error) {
	g.markDead(exitText(exitPanicked), fmt.Sprintf("panic: %v\n\n%s", err, debug.Stack()), func() bool { return false })
	runtime.Goexit()
}

// requestStop is what SIGTERM is for a process. It also ends a pause.
func (g *goroutineInstance) requestStop() {
	g.mu.Lock()
	if !g.dead && g.record.StopRequestedAt == 0 {
		g.record.StopRequestedAt = g.shim.clock.Now()
	}
	g.mu.Unlock()
	g.resumeWork()
	g.cancel()
}

// killUnresponsive kills a pod that did not stop on request.
func (g *goroutineInstance) killUnresponsive() {
	g.mu.Lock()
	g.record.Unresponsive = !g.dead
	g.mu.Unlock()
	g.killNow()
}

// markDead makes the death, once. intended is called under mu.
func (g *goroutineInstance) markDead(exit, stderr string, intended func() bool) {
	g.mu.Lock()
	if g.dead {
		g.mu.Unlock()
		return
	}
	g.dead = true
	g.record.Down, g.record.Exit, g.record.Intended, g.record.Stderr = g.shim.clock.Now(), exit, intended(), stderr
	if err := g.shim.journal.Close(); err != nil {
		g.record.Exit, g.record.Intended, g.record.Stderr = ExitFault, false, fmt.Sprintf("pod: %v\n", err)
	}
	var words lastWords
	words.scanOutput([]byte(g.record.Stderr))
	g.record.Cause, g.record.Printed = words.causeOf(g.record.Exit, 0), int64(len(g.record.Stderr))
	conns := g.conns
	g.conns = nil
	if g.resumed != nil {
		close(g.resumed)
		g.resumed = nil
	}
	record := g.record
	g.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
	g.cancel()
	close(g.ended)
	if !record.Intended && g.exited != nil {
		g.exited(record)
	}
}

func (g *goroutineInstance) allowEnd() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.record.EndAllowed = true
}

func (g *goroutineInstance) announceLoad(at int64) { g.shim.loadStart.Store(at) }

func (g *goroutineInstance) isAlive() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return !g.dead
}

func (g *goroutineInstance) endSignal() <-chan struct{} { return g.ended }

// usedResources is 0: the pod shares this process with all other goroutines.
func (g *goroutineInstance) usedResources() (cpu time.Duration, memory int64) { return 0, 0 }

func (g *goroutineInstance) currentRecord() Incarnation {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.record
}

func (g *goroutineInstance) pauseWork() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.dead && g.resumed == nil {
		g.resumed = make(chan struct{})
	}
}

func (g *goroutineInstance) resumeWork() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.resumed != nil {
		close(g.resumed)
		g.resumed = nil
	}
}

func (g *goroutineInstance) isPaused() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.resumed != nil
}

// lockAlive waits while the pod is paused, then read-locks mu and returns true. For a
// dead pod it returns false and holds no lock.
func (g *goroutineInstance) lockAlive() bool {
	for {
		g.mu.RLock()
		resumed, dead := g.resumed, g.dead
		if resumed == nil && !dead {
			return true
		}
		g.mu.RUnlock()
		if dead {
			return false
		}
		<-resumed
	}
}

// lockJournal implements [gate] by a read lock of mu.
func (g *goroutineInstance) lockJournal() bool {
	if g.lockAlive() {
		return true
	}
	if g.callsAfterDeath.Add(1) > maxCallsAfterDeath {
		runtime.Goexit()
	}
	return false
}

// lockUnlessDead implements [gate].
func (g *goroutineInstance) lockUnlessDead() bool {
	g.mu.RLock()
	if g.dead {
		g.mu.RUnlock()
		return false
	}
	return true
}

func (g *goroutineInstance) unlockJournal() { g.mu.RUnlock() }

// waitAlive waits while the pod is paused and reports whether it is alive.
func (g *goroutineInstance) waitAlive() bool {
	if !g.lockAlive() {
		return false
	}
	g.mu.RUnlock()
	return true
}

// networkError is the error of a dead pod's connection. Its type is that of a network
// error: after an error of another type kgo may retry at once, for ever.
func networkError(op, call string, why syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(call, why)}
}

func connectionRefused() error { return networkError("dial", "connect", syscall.ECONNREFUSED) }

// dialBroker is the dialer that the consumer gets.
func (g *goroutineInstance) dialBroker(ctx context.Context, network, addr string) (net.Conn, error) {
	if !g.waitAlive() {
		return nil, connectionRefused()
	}
	c, err := g.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return nil, errors.Join(connectionRefused(), c.Close())
	}
	w := &podConn{c, g}
	g.conns[w] = struct{}{}
	return w, nil
}

// podConn is a connection of the pod to a broker.
type podConn struct {
	net.Conn
	instance *goroutineInstance
}

// Read keeps what it has read until the pod resumes.
func (w *podConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if !w.instance.waitAlive() {
		return 0, networkError("read", "read", syscall.ECONNRESET)
	}
	return n, err
}

// Write waits until the pod resumes.
func (w *podConn) Write(b []byte) (int, error) {
	if !w.instance.waitAlive() {
		return 0, networkError("write", "write", syscall.EPIPE)
	}
	return w.Conn.Write(b)
}

// Close implements [net.Conn].
func (w *podConn) Close() error {
	w.instance.mu.Lock()
	delete(w.instance.conns, w)
	w.instance.mu.Unlock()
	return w.Conn.Close()
}
