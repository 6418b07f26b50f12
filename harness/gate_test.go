package harness_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/internal/allocs"
)

var errOfWork = errors.New("the work failed")

type failingWork struct{}

func (failingWork) Do(context.Context, *harness.Record) error { return errOfWork }

type failingBatch struct{}

func (failingBatch) DoBatch(context.Context, []harness.Record) error { return errOfWork }

type failingPrepare struct{}

func (failingPrepare) Prepare(context.Context, *harness.Record) error { return errOfWork }

func TestGatedWorkHasTheAbilitiesOfTheWork(t *testing.T) {
	for name, w := range map[string]harness.Work{
		"none": failingWork{},
		"batch": struct {
			failingWork
			failingBatch
		}{},
		"prepare": struct {
			failingWork
			failingPrepare
		}{},
		"both": struct {
			failingWork
			failingBatch
			failingPrepare
		}{},
	} {
		var left []error
		gated := harness.GateWork(w, func(context.Context) (func(error), error) {
			return func(err error) { left = append(left, err) }, nil
		})
		closed := harness.GateWork(w, func(context.Context) (func(error), error) { return nil, context.Canceled })
		calls := callAll(gated)
		if want := callAll(w); !slices.Equal(calls, want) || !slices.Equal(left, want) {
			t.Errorf("%s: calls returned %v, the gate saw %v, want %v", name, calls, left, want)
		}
		for _, err := range callAll(closed) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: a closed gate let a call pass: %v", name, err)
			}
		}
		if n := len(callAll(closed)); n != len(calls) {
			t.Errorf("%s: %d abilities behind a closed gate, want %d", name, n, len(calls))
		}
	}
}

// callAll calls the work in each way that it can be called.
func callAll(w harness.Work) (errs []error) {
	ctx := context.Background()
	errs = append(errs, w.Do(ctx, nil))
	if b, ok := w.(harness.BatchWork); ok {
		errs = append(errs, b.DoBatch(ctx, nil))
	}
	if p, ok := w.(harness.PreparedWork); ok {
		errs = append(errs, p.Prepare(ctx, nil))
	}
	return errs
}

func TestGateAddsNoAllocation(t *testing.T) {
	gated := harness.GateWork(failingWork{}, func(context.Context) (func(error), error) { return nil, nil })
	if n := allocs.PerRun(t, 100, func() { _ = gated.Do(context.Background(), nil) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}
