package engine

import (
	"context"
	"time"
)

// every is how often a waiting run looks around and tells its progress.
const every = 100 * time.Millisecond

// tick tells the progress and waits for the next look, for ctx, or for done.
func (r *run) tick(ctx context.Context, phase string, wait time.Duration, done <-chan struct{}) {
	r.report(phase)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-done:
	case <-t.C:
	}
}

func (r *run) report(phase string) {
	if r.Progress == nil {
		return
	}
	p := Progress{Phase: phase, Elapsed: time.Since(r.started)}
	if r.start != 0 {
		p.Elapsed = r.since(r.clock.Now())
		now := r.live.read()
		sent, acked := r.producer.Progress()
		p.Sent, p.Finished, p.Backlog = sent, now.total, max(0, acked-now.total)
		p.Rate = r.rates.rate(p.Elapsed, now.total)
	}
	r.Progress(p)
}

// since is a time on CLOCK_MONOTONIC as time of the run.
func (r *run) since(mono int64) time.Duration { return time.Duration(mono - r.start) }

// rateMeter is the rate over the last two seconds.
type rateMeter struct {
	at    []time.Duration
	count []int64
}

func (m *rateMeter) rate(now time.Duration, count int64) float64 {
	m.at, m.count = append(m.at, now), append(m.count, count)
	for len(m.at) > 2 && now-m.at[0] > 2*time.Second {
		m.at, m.count = m.at[1:], m.count[1:]
	}
	if over := now - m.at[0]; over > 0 {
		return float64(count-m.count[0]) / over.Seconds()
	}
	return 0
}
