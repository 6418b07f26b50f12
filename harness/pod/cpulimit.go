package pod

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
)

// limitPeriod is how often a pod with a CPU limit runs, as a quota of Kubernetes has it.
const limitPeriod = 100 * time.Millisecond

var _ harness.CPULimiter = processPod{}

// LimitCPU implements [harness.CPULimiter], by SIGSTOP and SIGCONT as cpulimit does. In each
// period the pod runs for its share of the time. Several threads use more than that at once,
// so periods are left out until the pod is within its share again. The
// limit ends with the process.
func (pp processPod) LimitCPU(share float64) (lift func(), err error) {
	p, err := pp.livingInstance()
	if err != nil {
		return nil, fmt.Errorf("limit the CPU of %s: %w", pp.name, err)
	}
	if _, err := readCPUTime(p.os.Pid); err != nil {
		return nil, fmt.Errorf("limit the CPU of %s: %w", pp.name, err)
	}
	if !p.takeLimit() {
		return nil, fmt.Errorf("limit the CPU of %s: it has a limit", pp.name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.runInSlices(ctx, share)
	}()
	return func() { cancel(); <-ended }, nil
}

// CPUTime implements [harness.CPULimiter].
func (pp processPod) CPUTime() (time.Duration, error) {
	p, err := pp.livingInstance()
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of %s: %w", pp.name, err)
	}
	return readCPUTime(p.os.Pid)
}

// Stopped implements [harness.CPULimiter].
func (pp processPod) Stopped() bool {
	p, err := pp.livingInstance()
	return err == nil && allThreadsStopped(p.os.Pid)
}

// runInSlices lets the process run for its share of each period, until ctx or the process
// ends. Then the process runs on.
func (p *process) runInSlices(ctx context.Context, share float64) {
	defer p.setLimited(false, false)
	began, slice := time.Now(), time.Duration(share*float64(limitPeriod))
	before, _ := readCPUTime(p.os.Pid)
	for {
		p.setLimited(true, true)
		if !p.waitLimited(ctx, limitPeriod-slice) {
			return
		}
		if used, err := readCPUTime(p.os.Pid); err == nil && float64(used-before) > share*float64(time.Since(began)) {
			continue
		}
		p.setLimited(true, false)
		if !p.waitLimited(ctx, slice) {
			return
		}
	}
}

// waitLimited waits, and reports whether the limit still holds.
func (p *process) waitLimited(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-p.reaped:
	}
	return false
}

// setLimited notes whether the process has a limit, and whether it waits for its next slice.
// A process that was asked to stop does not wait.
func (p *process) setLimited(limited, waits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limited = limited
	p.waits = waits && p.record.StopRequestedAt == 0
	p.signalStops()
}

// takeLimit notes that the process has a limit from now on; false if it has one.
func (p *process) takeLimit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := !p.limited
	p.limited = true
	return free
}

// isLimited reports whether the process has a CPU limit.
func (p *process) isLimited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limited
}

// signalStops stops the process group if the process is paused or waits for its next slice,
// and lets it go on if neither is true. The caller holds mu.
func (p *process) signalStops() {
	switch stop := p.paused || p.waits; {
	case !p.isRunning() || stop == p.stopped:
	case stop:
		p.stopped = true
		unix.Kill(-p.os.Pid, unix.SIGSTOP)
	default:
		p.stopped = false
		unix.Kill(-p.os.Pid, unix.SIGCONT)
	}
}
