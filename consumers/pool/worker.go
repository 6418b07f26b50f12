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

// Worker takes records through the work, one at a time. It reuses the record that it passes
// to the work. One goroutine uses a worker.
type Worker struct {
	work   harness.Work
	record harness.Record
}

// NewWorker makes a worker.
func NewWorker(work harness.Work) *Worker { return &Worker{work: work} }

// Run works on a record until it is completed or its assignment ends. It does nothing if
// the assignment has ended already. The record is recycled.
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

// RunBatch is Run for each of the records, in order.
func (w *Worker) RunBatch(batch []group.Task) {
	for _, t := range batch {
		w.Run(t)
	}
}

// Retry calls the work until it succeeds, with a pause after each failure that doubles
// from 10 ms to 1 s. It returns an error only once ctx has ended. So a poison record holds
// the low watermark for ever.
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
