package pool

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/internal/allocs"
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

// A batch is cut down to what fails in it, which is tried again before what lies
// behind it.
func TestBatchWorkerIsolatesTheFailingRecord(t *testing.T) {
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
				a, tasks := assign(t, 8, "k")
				work := &bulk{bad: c.bad}
				newBatchWorker(work, 8).runBatch(tasks)
				if !slices.Equal(work.calls, c.want) {
					t.Errorf("calls %q, want %q", work.calls, c.want)
				}
				if next, ok := a.Uncommitted(); !ok || next.Offset != 8 {
					t.Errorf("to commit: %v %t", next, ok)
				}
			})
		})
	}
}

// What has its effect may be committed while the rest of the batch is tried again,
// and with the end of the assignment the work ends.
func TestBatchWorkerStopsWithItsAssignment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, tasks := assign(t, 8, "k")
		work := &bulk{bad: map[int64]int{5: 1 << 30}}
		work.last = func() {
			if len(work.calls) == 20 {
				a.Halt()
				a.Cancel()
			}
		}
		w := newBatchWorker(work, 8)
		w.runBatch(tasks)
		if len(work.calls) != 20 || work.calls[19] != "5!" {
			t.Errorf("%d calls, the last %q", len(work.calls), work.calls[len(work.calls)-1])
		}
		if next, ok := a.Uncommitted(); !ok || next.Offset != 5 || !isQuiet(a) {
			t.Errorf("to commit: %v %t, quiet: %t", next, ok, isQuiet(a))
		}
		w.runBatch(tasks)
		if len(work.calls) != 20 {
			t.Errorf("work on records of an assignment that has ended: %q", work.calls[20:])
		}
	})
}

// A call that its context ends is not cut in two.
func TestCancelledBatchIsNotSplit(t *testing.T) {
	a, tasks := assign(t, 8, "k")
	work := &bulk{}
	work.last = func() { a.Halt(); a.Cancel() }
	newBatchWorker(work, 8).runBatch(tasks)
	if len(work.calls) != 1 {
		t.Errorf("calls %q", work.calls)
	}
	if _, ok := a.Uncommitted(); ok || !isQuiet(a) {
		t.Errorf("to commit: %t, quiet: %t", ok, isQuiet(a))
	}
}

func TestBatchWorkerKeepsKeysAndAssignmentsApart(t *testing.T) {
	_, tasks := assign(t, 6, "k", "k", "l")
	_, others := assign(t, 2, "l")
	work := &bulk{}
	tasks = append(tasks, others...)
	newBatchWorker(work, 8).runBatch(tasks)
	if want := []string{"0 1", "2", "3 4", "5", "0 1"}; !slices.Equal(work.calls, want) {
		t.Errorf("calls %q, want %q", work.calls, want)
	}
}

// Work that cannot take several records gets them one at a time, in order.
func TestBatchWorkerNeedsNoBatchWork(t *testing.T) {
	_, tasks := assign(t, 3, "k")
	var done []int64
	w := newBatchWorker(doing(func(_ context.Context, r *harness.Record) error {
		done = append(done, r.Offset)
		return nil
	}), 8)
	w.runBatch(tasks)
	if !slices.Equal(done, []int64{0, 1, 2}) {
		t.Errorf("done %v", done)
	}
	if w.started = w.started[:1]; w.started[0].Record != nil || w.records[0].Value != nil {
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
	window := group.NewWindow(1<<40, 1, 100)
	a := group.NewAssignment(t.Context(), group.TopicPartition{}, "", window)
	var records []*kgo.Record
	for i := range 20 {
		records = append(records, &kgo.Record{Offset: int64(i), Key: []byte("k"), Value: make([]byte, 100)})
	}
	var tasks []group.Task
	round := func() {
		tasks = a.Accept(records, tasks[:0])
		w.runBatch(tasks)
	}
	round()
	if n := allocs.PerRun(t, 200, round); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
