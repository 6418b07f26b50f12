package engine

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness/load"
)

// pollInterval is how often a waiting phase polls and reports the progress.
const pollInterval = 100 * time.Millisecond

// reporter reports the progress of a run, all from one goroutine.
type reporter struct {
	callback func(Progress) // nil for no reports
	started  time.Time
	load     *runningLoad // nil before the load
}

// runningLoad is what the progress of a load is read from.
type runningLoad struct {
	time     loadClock
	producer *load.Producer
	work     *workProgress
	rates    rateMeter
}

// report calls the callback.
func (r *reporter) report(phase string) { r.reportDelay(phase, "") }

// reportDelay calls the callback, and says why the phase takes longer than expected.
func (r *reporter) reportDelay(phase, why string) {
	if r.callback == nil {
		return
	}
	p := Progress{Phase: phase, Delay: why, Elapsed: time.Since(r.started)}
	if l := r.load; l != nil {
		p.Elapsed = l.time.elapsed()
		now := l.work.readProgress()
		sent, acked := l.producer.Progress()
		p.Sent, p.Completed, p.Backlog = sent, now.total, max(0, acked-now.total)
		p.Rate = l.rates.measureRate(p.Elapsed, now.total)
	}
	r.callback(p)
}

// reportAndWait reports the progress, then waits for the next poll, for ctx, or for done.
func (r *reporter) reportAndWait(ctx context.Context, phase string, wait time.Duration, done <-chan struct{}) {
	r.report(phase)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-done:
	case <-t.C:
	}
}

// rateMeter measures the rate over the last two seconds.
type rateMeter struct {
	times  []time.Duration
	counts []int64
}

// measureRate is the rate per second up to now, when count was reached.
func (m *rateMeter) measureRate(now time.Duration, count int64) float64 {
	m.times, m.counts = append(m.times, now), append(m.counts, count)
	for len(m.times) > 2 && now-m.times[0] > 2*time.Second {
		m.times, m.counts = m.times[1:], m.counts[1:]
	}
	if over := now - m.times[0]; over > 0 {
		return float64(count-m.counts[0]) / over.Seconds()
	}
	return 0
}
