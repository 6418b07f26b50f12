package pod

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// familyInterval is how long the list of a pod's processes is used. To find them takes a look
// at each process of the system.
const familyInterval = 250 * time.Millisecond

var _ harness.MemoryMeter = processPod{}

// ResidentMemory implements [harness.MemoryMeter].
func (pp processPod) ResidentMemory() (int64, error) {
	p, err := pp.livingInstance()
	if err != nil {
		return 0, fmt.Errorf("read the memory of %s: %w", pp.name, err)
	}
	resident := p.sampleResident()
	if resident == 0 {
		return 0, fmt.Errorf("read the memory of %s: %w", pp.name, errors.New("this system does not tell it, or it has just ended"))
	}
	return resident, nil
}

// KillFor implements [harness.MemoryMeter].
func (pp processPod) KillFor(ctx context.Context, reason string) error {
	p, err := pp.livingInstance()
	if err != nil {
		return fmt.Errorf("kill %s: %w", pp.name, err)
	}
	p.noteReason(reason)
	return pp.Kill(ctx)
}

// noteReason notes why the harness is about to end the process.
func (p *process) noteReason(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isRunning() {
		p.record.Reason = reason
	}
}

// sampleResident is what the process and all that it started have in memory, in bytes, and
// raises the peak to that.
func (p *process) sampleResident() (resident int64) {
	for _, pid := range p.family() {
		resident += readResidentMemory(pid)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peak = max(p.peak, resident)
	return resident
}

// family are the ids of the process and of those that it started.
func (p *process) family() []int {
	p.mu.Lock()
	known, at := p.children, p.childrenAt
	p.mu.Unlock()
	if time.Since(at) >= familyInterval {
		known = nil
		if p.mark != 0 {
			for _, s := range findMarked(func(m mark) bool { return m == p.mark }) {
				if s.pid != p.os.Pid {
					known = append(known, s.pid)
				}
			}
		}
		p.mu.Lock()
		p.children, p.childrenAt = known, time.Now()
		p.mu.Unlock()
	}
	return append([]int{p.os.Pid}, known...)
}
