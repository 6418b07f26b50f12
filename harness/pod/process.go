package pod

import (
	"encoding/binary"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// process is one incarnation as the operating system sees it.
type process struct {
	os       *os.Process
	lifeline *os.File // the write end: it closes when the harness dies
	output   *output
	clock    ledger.Clock
	reaped   chan struct{} // closed once record is final

	mu     *sync.Mutex // of the fleet, for what follows
	record Incarnation
	killed bool // SIGKILL was sent
	paused bool // SIGSTOP was sent, and no SIGCONT since
	cpu    time.Duration
	peak   int64 // bytes of memory
}

// spawn starts executable as the pod of spec. It must run on a thread that
// outlives the pod.
func spawn(executable string, spec Spec, clock ledger.Clock, mu *sync.Mutex) (*process, error) {
	env, err := spec.Environ()
	if err != nil {
		return nil, err
	}
	lifeline, held, err := os.Pipe()
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
	// With no test to run a binary that forgot to call Main ends at once.
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

// wait reaps the process and completes its record.
func (p *process) wait() Incarnation {
	state, err := p.os.Wait()
	down := p.clock.Now()
	unix.Kill(-p.os.Pid, unix.SIGKILL) // what it left behind in its group
	p.lifeline.Close()
	p.output.close()
	defer close(p.reaped)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.Down = down
	if err != nil {
		p.record.Exit = err.Error()
		return p.snapshot()
	}
	p.record.Exit = state.String()
	p.record.Asked = p.asked(state.Sys().(syscall.WaitStatus))
	p.cpu = state.UserTime() + state.SystemTime()
	return p.snapshot()
}

// asked reports whether the process ended as it was told to. One that panicked
// or returned a moment before the signal came did not. The caller holds mu.
func (p *process) asked(s syscall.WaitStatus) bool {
	switch {
	case s.Signaled() && s.Signal() == syscall.SIGKILL:
		return p.killed
	case s.Signaled() && s.Signal() == syscall.SIGTERM: // it was too young to catch it
		return p.record.Told != 0
	case s.Exited() && (s.ExitStatus() == exitClean || s.ExitStatus() == exitFailed):
		return p.record.Told != 0
	}
	return false
}

// loadBegins writes to the lifeline. An error says that it has ended.
func (p *process) loadBegins(at int64) {
	p.lifeline.Write(binary.LittleEndian.AppendUint64(nil, uint64(at)))
}

func (p *process) over() <-chan struct{} { return p.reaped }

// alive reports whether it has not been reaped. The caller holds mu.
func (p *process) alive() bool { return p.record.Down == 0 }

// used is what it used so far. The caller holds mu.
func (p *process) used() (cpu time.Duration, memory int64) { return p.cpu, p.peak }

// snapshot is the record now. The caller holds mu.
func (p *process) snapshot() Incarnation {
	r := p.record
	r.Stderr = p.output.String()
	return r
}

// terminate is SIGTERM. The process goes on if it is paused.
func (p *process) terminate() {
	now := p.clock.Now()
	p.sampleMemory()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.record.Told == 0 {
		p.record.Told = now
	}
	p.os.Signal(syscall.SIGTERM) // an error says that it has ended, which its record will too
	p.resume()
}

// pause stops the process and all of its group.
func (p *process) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.alive() {
		return
	}
	p.paused = true
	unix.Kill(-p.os.Pid, unix.SIGSTOP)
}

// resume lets the process go on if it is paused. The caller holds mu.
func (p *process) resume() {
	if !p.paused || !p.alive() {
		return
	}
	p.paused = false
	unix.Kill(-p.os.Pid, unix.SIGCONT)
}

// kill ends the process and all of its group.
func (p *process) kill() {
	p.sampleMemory()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.alive() {
		return
	}
	p.killed = true
	unix.Kill(-p.os.Pid, unix.SIGKILL)
}

// giveUp kills a process that did not stop when it was asked to.
func (p *process) giveUp() {
	p.mu.Lock()
	p.record.Deaf = p.alive()
	p.mu.Unlock()
	p.kill()
}

func (p *process) sampleMemory() {
	peak := peakMemory(p.os.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peak = max(p.peak, peak)
}
