package pool

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

// batchWorker passes several records of a key to one call of the work, in order. If the
// work is no [harness.BatchWork], it passes one record at a time.
type batchWorker struct {
	work    harness.Work
	batches harness.BatchWork // batches is nil if the work takes one record at a time
	started []group.Task
	records []harness.Record
}

func newBatchWorker(work harness.Work, size int) *batchWorker {
	w := &batchWorker{work: work, started: make([]group.Task, 0, size), records: make([]harness.Record, size)}
	w.batches, _ = work.(harness.BatchWork)
	return w
}

// runBatch works on records of a shard, until they are completed or their assignment ends.
// The records are recycled.
func (w *batchWorker) runBatch(batch []group.Task) {
	for _, t := range batch {
		if len(w.started) > 0 && !SameKey(w.started[0], t) {
			w.finishStarted()
		}
		w.startTask(t)
	}
	w.finishStarted()
}

func (w *batchWorker) startTask(t group.Task) {
	if t.Start() {
		client.FillRecord(&w.records[len(w.started)], t.Record)
		w.started = append(w.started, t)
	}
}

// finishStarted works on the started records.
func (w *batchWorker) finishStarted() {
	if len(w.started) == 0 {
		return
	}
	ctx := w.started[0].Assignment.Context()
	for done := 0; done < len(w.started); {
		n, err := w.workOnPrefix(ctx, w.records[done:len(w.started)])
		for _, t := range w.started[done : done+n] {
			t.Finish(err == nil)
		}
		done += n
	}
	for i, t := range w.started {
		client.ClearRecord(&w.records[i])
		t.Record.Recycle()
	}
	clear(w.started)
	w.started = w.started[:0]
}

// workOnPrefix completes the first n of the records: all or, if the call fails, the first
// half, and so on down to one record, which it tries until it succeeds. The records
// behind wait, so the order of the key holds. The error is that of ctx and goes for all.
func (w *batchWorker) workOnPrefix(ctx context.Context, records []harness.Record) (n int, err error) {
	n = len(records)
	if w.batches == nil {
		n = 1
	}
	for ; n > 1; n /= 2 {
		if err := w.batches.DoBatch(ctx, records[:n]); err == nil {
			return n, nil
		} else if ctx.Err() != nil {
			return len(records), err
		}
	}
	if err := Retry(ctx, w.work, &records[0]); err != nil {
		return len(records), err
	}
	return 1, nil
}
