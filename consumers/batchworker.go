package consumers

import (
	"bytes"
	"context"

	"github.com/stampede-bench/stampede/harness"
)

// batchWorker takes records of a shard through the work several at a time, in
// order. Its records are its own, as those of worker. Work that is not
// [harness.BatchWork] it calls for one record at a time.
type batchWorker struct {
	work    harness.Work
	batches harness.BatchWork // batches is nil if the work has no such ability
	begun   []task
	records []harness.Record
}

func newBatchWorker(work harness.Work, size int) *batchWorker {
	w := &batchWorker{work: work, begun: make([]task, 0, size), records: make([]harness.Record, size)}
	w.batches, _ = work.(harness.BatchWork)
	return w
}

// run works on first and more, those of an assignment that has ended excepted. The
// client's records are gone afterwards.
func (w *batchWorker) run(first task, more []task) {
	w.begin(first)
	for _, t := range more {
		if len(w.begun) > 0 && !oneBatch(w.begun[0], t) {
			w.finish()
		}
		w.begin(t)
	}
	w.finish()
}

// oneBatch reports whether two records of a shard may be in one call: they are of
// one key, which those of one hash need not be, and of one assignment, so that what
// ends the work on one ends it on the other.
func oneBatch(a, b task) bool {
	return a.from == b.from && bytes.Equal(a.record.Key, b.record.Key)
}

func (w *batchWorker) begin(t task) {
	if t.from.start(t.seq) {
		fill(&w.records[len(w.begun)], t.record)
		w.begun = append(w.begun, t)
	}
}

// finish works on what has begun.
func (w *batchWorker) finish() {
	if len(w.begun) == 0 {
		return
	}
	ctx := w.begun[0].from.ctx
	for done := 0; done < len(w.begun); {
		n, err := w.some(ctx, w.records[done:len(w.begun)])
		for _, t := range w.begun[done : done+n] {
			t.from.finish(t.seq, err == nil)
		}
		done += n
	}
	for i, t := range w.begun {
		empty(&w.records[i])
		t.record.Recycle()
	}
	clear(w.begun)
	w.begun = w.begun[:0]
}

// some works on as many of the records as one call has an effect for, from the
// first on, and returns their number: all, or the first half of those that failed
// together, down to one, which is tried until it succeeds. What lies behind it waits,
// so that nothing of its key passes it. The error is that of ctx, which has ended;
// it goes for all.
func (w *batchWorker) some(ctx context.Context, records []harness.Record) (n int, err error) {
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
	if err := retry(ctx, w.work, &records[0]); err != nil {
		return len(records), err
	}
	return 1, nil
}
