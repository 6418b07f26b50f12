package mutants

import (
	"context"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-swaps-records",
	Doc:         "Swaps two neighbours of a key: the later record is first, and never are both in work at once.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckKeyInversion),
	New:         tamperedUnordered(swapPairs),
})

func swapPairs(honest harness.Work) harness.Work {
	var p pairs
	var locks sync.Map // of chan struct{} by key, full while a record of the key is in work
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		if release := p.meetPartner(ctx, string(r.Key)); release != nil {
			defer release() // after the work on this record: that is the swap
		}
		lock, _ := locks.LoadOrStore(string(r.Key), make(chan struct{}, 1))
		lock.(chan struct{}) <- struct{}{}
		defer func() { <-lock.(chan struct{}) }()
		return honest.Do(ctx, r)
	})
}
