package consumers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// bulk is work that takes several records at once, and writes down each call: the
// offsets, and ! if it failed. Records whose offset is in bad fail as often as it
// says, and any call they are in.
type bulk struct {
	bad   map[int64]int
	calls []string
	last  func()
}

func (b *bulk) Do(ctx context.Context, r *harness.Record) error {
	return b.DoBatch(ctx, []harness.Record{*r})
}

func (b *bulk) DoBatch(ctx context.Context, records []harness.Record) error {
	var offsets []string
	var err error
	for _, r := range records {
		offsets = append(offsets, fmt.Sprint(r.Offset))
		if b.bad[r.Offset] > 0 {
			b.bad[r.Offset]--
			err = errWork
		}
	}
	call := strings.Join(offsets, " ")
	if err != nil {
		call += "!"
	}
	b.calls = append(b.calls, call)
	if b.last != nil {
		b.last()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// batchOf are tasks of an assignment for its first n records, with these keys.
func batchOf(a *assignment, n int, keys ...string) (tasks []task) {
	for i := range n {
		tasks = append(tasks, task{record: &kgo.Record{Offset: int64(i), Key: []byte(keys[i%len(keys)])}, from: a, seq: uint64(i)})
	}
	return tasks
}

// A batch is cut down to what fails in it, which is tried again before what lies
// behind it.
func TestBatchWorkerFindsTheCulprit(t *testing.T) {
	for name, c := range map[string]struct {
		bad  map[int64]int
		want []string
	}{
		"none":    {nil, []string{"0 1 2 3 4 5 6 7"}},
		"passing": {map[int64]int{5: 1}, []string{"0 1 2 3 4 5 6 7!", "0 1 2 3", "4 5 6 7"}},
		"one": {map[int64]int{5: 6}, []string{
			"0 1 2 3 4 5 6 7!", "0 1 2 3", "4 5 6 7!", "4 5!", "4", "5 6 7!", "5!", "5!", "5", "6 7"}},
		"the first": {map[int64]int{0: 5}, []string{"0 1 2 3 4 5 6 7!", "0 1 2 3!", "0 1!", "0!", "0!", "0", "1 2 3 4 5 6 7"}},
		"the last": {map[int64]int{7: 5}, []string{
			"0 1 2 3 4 5 6 7!", "0 1 2 3", "4 5 6 7!", "4 5", "6 7!", "6", "7!", "7!", "7"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := given(t, 8)
				work := &bulk{bad: c.bad}
				tasks := batchOf(a, 8, "k")
				newBatchWorker(work, 8).run(tasks[0], tasks[1:])
				if !slices.Equal(work.calls, c.want) {
					t.Errorf("calls %q, want %q", work.calls, c.want)
				}
				if next, ok := a.uncommitted(0); !ok || next.at.Offset != 8 || a.running != 0 {
					t.Errorf("to commit: %v %t, %d in work", next, ok, a.running)
				}
			})
		})
	}
}

// What has its effect may be committed while the rest of the batch is tried again,
// and with the end of the assignment the work ends.
func TestBatchWorkerEndsWithItsAssignment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := given(t, 8)
		work := &bulk{bad: map[int64]int{5: 1 << 30}}
		work.last = func() {
			if len(work.calls) == 20 {
				a.halt()
				a.cancel()
			}
		}
		w := newBatchWorker(work, 8)
		tasks := batchOf(a, 8, "k")
		w.run(tasks[0], tasks[1:])
		if len(work.calls) != 20 || work.calls[19] != "5!" {
			t.Errorf("%d calls, the last %q", len(work.calls), work.calls[len(work.calls)-1])
		}
		if next, ok := a.uncommitted(0); !ok || next.at.Offset != 5 || !quiet(a) {
			t.Errorf("to commit: %v %t, quiet: %t", next, ok, quiet(a))
		}
		tasks = batchOf(a, 8, "k")
		w.run(tasks[0], tasks[1:])
		if len(work.calls) != 20 {
			t.Errorf("work on records of an assignment that has ended: %q", work.calls[20:])
		}
	})
}

// A call that its context ends is not cut in two.
func TestBatchWorkerGivesUpABatchAtOnce(t *testing.T) {
	a, _ := given(t, 8)
	work := &bulk{}
	work.last = func() { a.halt(); a.cancel() }
	tasks := batchOf(a, 8, "k")
	newBatchWorker(work, 8).run(tasks[0], tasks[1:])
	if len(work.calls) != 1 {
		t.Errorf("calls %q", work.calls)
	}
	if _, ok := a.uncommitted(0); ok || !quiet(a) {
		t.Errorf("to commit: %t, quiet: %t", ok, quiet(a))
	}
}

func TestBatchWorkerKeepsKeysAndAssignmentsApart(t *testing.T) {
	a, _ := given(t, 6)
	b, _ := given(t, 6)
	work := &bulk{}
	tasks := append(batchOf(a, 6, "k", "k", "l"), batchOf(b, 2, "l")...)
	newBatchWorker(work, 8).run(tasks[0], tasks[1:])
	if want := []string{"0 1", "2", "3 4", "5", "0 1"}; !slices.Equal(work.calls, want) {
		t.Errorf("calls %q, want %q", work.calls, want)
	}
}

// Work that cannot take several records gets them one at a time, in order.
func TestBatchWorkerDoesWithoutBatches(t *testing.T) {
	a, _ := given(t, 3)
	var done []int64
	w := newBatchWorker(doing(func(_ context.Context, r *harness.Record) error {
		done = append(done, r.Offset)
		return nil
	}), 8)
	tasks := batchOf(a, 3, "k")
	w.run(tasks[0], tasks[1:])
	if !slices.Equal(done, []int64{0, 1, 2}) {
		t.Errorf("done %v", done)
	}
	if w.begun = w.begun[:1]; w.begun[0].record != nil || w.records[0].Value != nil {
		t.Error("a batch that is done is still pointed to")
	}
}

type bulkCounting struct{ countingWork }

func (w *bulkCounting) DoBatch(_ context.Context, records []harness.Record) error {
	w.done.Add(int64(len(records)))
	return nil
}

func TestBatchWorkerAllocatesNothing(t *testing.T) {
	var work bulkCounting
	w := newBatchWorker(&work, 20)
	window := newWindow(1<<40, 1, 100)
	a := newAssignment(t.Context(), window)
	var records []*kgo.Record
	for i := range 20 {
		records = append(records, &kgo.Record{Offset: int64(i), Key: []byte("k"), Value: make([]byte, 100)})
	}
	var tasks []task
	round := func() {
		tasks = a.take(records, tasks[:0])
		w.run(tasks[0], tasks[1:])
	}
	round()
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestBatchSizeIsChecked(t *testing.T) {
	for _, bad := range []string{"", "0", "-1", "x", "1.5", "10001"} {
		if _, err := batchSize(bad); err == nil {
			t.Errorf("%q is a batch", bad)
		}
	}
}
