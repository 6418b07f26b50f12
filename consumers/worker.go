package consumers

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
)

// worker takes records through the work, one at a time. The record it hands
// over is its own and serves again for the next, so the work must not keep it
// beyond its return.
type worker struct {
	work   harness.Work
	record harness.Record
}

// run works on t, unless its assignment has ended by now. The client's record is
// gone afterwards.
func (w *worker) run(t task) {
	if !t.from.start(t.seq) {
		return
	}
	fill(&w.record, t.record)
	err := retry(t.from.ctx, w.work, &w.record)
	t.from.finish(t.seq, err == nil)
	empty(&w.record)
	t.record.Recycle()
}

// retry calls the work until it has its effect, with a pause after each failure
// that doubles up to a second, and returns an error only once ctx has ended. A
// poison record therefore stays where it is, and with it the low watermark.
func retry(ctx context.Context, work harness.Work, r *harness.Record) error {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := work.Do(ctx, r)
		if err == nil || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
