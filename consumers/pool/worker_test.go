package pool

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/harness"
)

func TestWorkerRetriesUntilTheWorkSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, tasks := assign(t, 1, "k")
		tries := 0
		w := NewWorker(doing(func(context.Context, *harness.Record) error {
			if tries++; tries < 20 {
				return errWork
			}
			return nil
		}))
		w.Run(tasks[0])
		if tries != 20 {
			t.Errorf("%d tries, want 20", tries)
		}
		if _, ok := a.Uncommitted(); !ok {
			t.Error("nothing to commit after the effect")
		}
	})
}

func TestWorkerStopsOnlyWithItsAssignment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, tasks := assign(t, 1, "k")
		tries := 0
		w := NewWorker(doing(func(context.Context, *harness.Record) error {
			if tries++; tries == 3 {
				a.Halt()
				a.Cancel()
			}
			return harness.ErrPoison
		}))
		w.Run(tasks[0])
		if tries != 3 {
			t.Errorf("%d tries, want 3", tries)
		}
		if _, ok := a.Uncommitted(); ok {
			t.Error("a record without effect is there to commit")
		}
		if !isQuiet(a) {
			t.Error("the record counts as in work")
		}
		w.Run(tasks[0])
		if tries != 3 {
			t.Error("work on a record of an assignment that has ended")
		}
	})
}
