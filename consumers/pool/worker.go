package pool

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
)

// Worker takes records through the work, one at a time. The record it hands
// over is its own and serves again for the next, so the work must not keep it
// beyond its return.
type Worker struct {
	work   harness.Work
	record harness.Record
}

// NewWorker makes a worker.
func NewWorker(work harness.Work) *Worker { return &Worker{work: work} }

// Run works on t, unless its assignment has ended by now. The client's record is
// gone afterwards.
func (w *Worker) Run(t group.Task) {
	if !t.Start() {
		return
	}
	client.FillRecord(&w.record, t.Record)
	err := Retry(t.Assignment.Context(), w.work, &w.record)
	t.Finish(err == nil)
	client.ClearRecord(&w.record)
	t.Record.Recycle()
}

// RunBatch works on records one after the other, see [Worker.Run].
func (w *Worker) RunBatch(batch []group.Task) {
	for _, t := range batch {
		w.Run(t)
	}
}

// Retry calls the work until it has its effect, with a pause after each failure
// that doubles up to a second, and returns an error only once ctx has ended. A
// poison record therefore stays where it is, and with it the low watermark.
func Retry(ctx context.Context, work harness.Work, r *harness.Record) error {
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
