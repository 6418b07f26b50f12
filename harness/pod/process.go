package pod

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// process is one incarnation of a pod that runs as a child process.
type process struct {
	os       *os.Process
	lifeline *os.File // the end of the harness, which closes when the harness dies
	holds    podHolds
	output   *output
	clock    ledger.Clock
	mark     mark          // of all its processes; 0 for none
	reaped   chan struct{} // closed once record is final

	mu     *sync.Mutex // of the fleet; guards what follows
	record Incarnation
	waited bool // it has ended, and its record is not complete yet
	killed bool // SIGKILL was sent
	paused bool // a fault has paused it
	cpu    time.Duration
	peak   int64 // bytes of memory

	limited bool // it has a CPU limit
	waits   bool // it waits for its next slice of CPU time
	stopped bool // SIGSTOP was sent, and no SIGCONT since

	children   []int // the processes that it had started, as found at childrenAt
	childrenAt time.Time
}

// startProcess starts executable as a pod. The calling thread must outlive the pod.
func startProcess(executable string, spec Spec, clock ledger.Clock, mu *sync.Mutex) (*process, error) {
	env, err := spec.Environ()
	if err != nil {
		return nil, err
	}
	held, lifeline, err := openLifeline()
	if err != nil {
		return nil, err
	}
	defer lifeline.Close()
	read, write, err := os.Pipe()
	if err != nil {
		held.Close()
		return nil, err
	}
	defer write.Close()
	// The flag ends a binary at once that forgot to call Main: it has no test to run.
	p, err := os.StartProcess(executable, []string{executable, "-test.run=^$"}, &os.ProcAttr{
		Env:   append(os.Environ(), env),
		Files: []*os.File{nil, write, write, lifelineFD: lifeline},
		Sys:   processAttributes(),
	})
	if err != nil {
		held.Close()
		read.Close()
		return nil, err
	}
	return &process{os: p, lifeline: held, output: keepOutput(read), clock: clock, reaped: make(chan struct{}), mu: mu}, nil
}

// reap waits for the process and completes its record. It calls endStrays, which ends
// the processes that are left outside its group.
func (p *process) reap(endStrays func()) Incarnation {
	state, err := p.os.Wait()
	down := p.clock.Now()
	intended := p.markWaited(state)
	unix.Kill(-p.os.Pid, unix.SIGKILL) // other processes of its group
	endStrays()
	p.lifeline.Close()
	p.output.drainAndClose()
	defer close(p.reaped)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.Down = down
	if err != nil {
		p.record.Exit, p.record.Cause = err.Error(), err.Error()
		return p.currentRecord()
	}
	p.record.Exit = state.String()
	p.record.Cause = p.output.causeOfEnd(p.record.Exit, p.peak)
	p.record.Intended = intended
	p.cpu = state.UserTime() + state.SystemTime()
	return p.currentRecord()
}

// markWaited notes that the process has ended. It reports whether the fleet had ended it. What
// the fleet asks for from now on comes too late. state is nil if that is unknown.
func (p *process) markWaited(state *os.ProcessState) (intended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited = true
	return state != nil && p.endedAsIntended(state.Sys().(syscall.WaitStatus))
}

// isRunning reports whether the process has not ended. The caller holds mu.
func (p *process) isRunning() bool { return !p.waited && p.isAlive() }

// endedAsIntended reports whether the fleet ended the process. A process that panicked
// or returned just before the signal ended by itself. The caller holds mu.
func (p *process) endedAsIntended(s syscall.WaitStatus) bool {
	switch {
	case s.Signaled() && s.Signal() == syscall.SIGKILL:
		return p.killed
	case s.Signaled() && s.Signal() == syscall.SIGTERM: // it had not installed its handler yet
		return p.record.StopRequestedAt != 0
	}
	return s.Exited() && p.record.mayReturn(s.ExitStatus())
}

func (p *process) allowEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.EndAllowed = true
}

// announceLoad writes to the lifeline. An error means that the process has ended.
func (p *process) announceLoad(at int64) {
	_ = writeMessage(p.lifeline, sayLoadStart, uint64(at))
}

func (p *process) endSignal() <-chan struct{} { return p.reaped }

// isAlive reports whether the process is not reaped yet. The caller holds mu.
func (p *process) isAlive() bool { return p.record.Down == 0 }

// usedResources is what the process has used so far. The caller holds mu.
func (p *process) usedResources() (cpu time.Duration, memory int64) { return p.cpu, p.peak }

// currentRecord is the record with the output so far. The caller holds mu.
func (p *process) currentRecord() Incarnation {
	r := p.record
	r.Stderr, r.Printed = p.output.keptText()
	return r
}

// requestStop sends SIGTERM, and SIGCONT to a process that is paused or has a CPU limit.
func (p *process) requestStop() {
	now := p.clock.Now()
	p.sampleMemory()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isRunning() {
		return
	}
	if p.record.StopRequestedAt == 0 {
		p.record.StopRequestedAt = now
	}
	p.os.Signal(syscall.SIGTERM) // an error means that it has ended, which the record will show
	p.waits = false
	p.resumeGroup()
}

// pauseGroup sends SIGSTOP to the process group.
func (p *process) pauseGroup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isRunning() {
		return
	}
	p.paused = true
	p.signalStops()
}

// resumeGroup ends a pause. The caller holds mu.
func (p *process) resumeGroup() {
	p.paused = false
	p.signalStops()
}

// killNow sends SIGKILL to the process group.
func (p *process) killNow() {
	p.sampleMemory()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isRunning() {
		return
	}
	if p.record.StopRequestedAt != 0 && !p.killed { // the request has ended a pause of the harness
		p.record.Halted = isHalted(p.os.Pid)
	}
	p.killed = true
	unix.Kill(-p.os.Pid, unix.SIGKILL)
}

// killUnresponsive kills a process that did not stop on request.
func (p *process) killUnresponsive() {
	p.mu.Lock()
	p.record.Unresponsive = p.isRunning()
	p.mu.Unlock()
	p.killNow()
}

func (p *process) sampleMemory() {
	peak := readPeakMemory(p.os.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peak = max(p.peak, peak)
}
