package pod

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

func TestDoWorksOnlyWhatPrepareLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shim{service: load.Fixed(10 * time.Millisecond), prepare: 0.8, run: testRun, failing: load.NewFailing(harness.Failures{}, 1, 1)}
		r := testRecord(ledger.Identity{Run: testRun})
		took := func(do func() error) time.Duration {
			t.Helper()
			began := time.Now()
			if err := do(); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		if d := took(func() error { return s.Prepare(t.Context(), r) }); d.Round(time.Microsecond) != 8*time.Millisecond || !r.Prepared {
			t.Errorf("prepared in %v (%v), want 8ms of 10ms", d, r.Prepared)
		}
		if d := took(func() error { return s.Prepare(t.Context(), r) }); d != 0 {
			t.Errorf("prepared again in %v, want no time", d)
		}
		if d := s.remainingWork(true, 0, 0); d.Round(time.Microsecond) != 2*time.Millisecond {
			t.Errorf("%v are left, want 2ms", d)
		}
		if d := s.remainingWork(false, 0, 0); d != 10*time.Millisecond {
			t.Errorf("%v are left of what was not prepared, want 10ms", d)
		}
	})
}

func TestPrepareStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shim{service: load.Fixed(time.Hour), prepare: 0.5, run: testRun}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, began := testRecord(ledger.Identity{Run: testRun}), time.Now()
		if err := s.Prepare(ctx, r); !errors.Is(err, context.DeadlineExceeded) || r.Prepared || time.Since(began) != time.Second {
			t.Errorf("%v, prepared %v, after %v: want the context's error after 1s", err, r.Prepared, time.Since(began))
		}
	})
}
