package group

import (
	"context"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

type plainWork struct{}

func (plainWork) Do(context.Context, *harness.Record) error { return nil }

type batching struct{}

func (batching) DoBatch(context.Context, []harness.Record) error { return nil }

type preparing struct{}

func (preparing) Prepare(context.Context, *harness.Record) error { return nil }

func TestFenceKeepsTheAbilitiesOfWork(t *testing.T) {
	for name, w := range map[string]harness.Work{
		"none": plainWork{},
		"batches": struct {
			plainWork
			batching
		}{},
		"prepare": struct {
			plainWork
			preparing
		}{},
		"both": struct {
			plainWork
			batching
			preparing
		}{},
	} {
		around := new(Fence).Wrap(w)
		_, hadBatch := w.(harness.BatchWork)
		_, hasBatch := around.(harness.BatchWork)
		_, hadPrepare := w.(harness.PreparedWork)
		_, hasPrepare := around.(harness.PreparedWork)
		if hadBatch != hasBatch || hadPrepare != hasPrepare {
			t.Errorf("%s: batches %v, was %v; prepares %v, was %v", name, hasBatch, hadBatch, hasPrepare, hadPrepare)
		}
	}
}
