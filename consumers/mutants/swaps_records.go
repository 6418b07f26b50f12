package mutants

import (
	"context"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-swaps-records",
	Doc:         "Swaps neighbours of one key: the later first, never two at once.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckKeyInversion),
	New:         unordered(swap),
})

func swap(honest harness.Work) harness.Work {
	var p pairs
	var turns sync.Map // of chan struct{} by key, full while it is somebody's turn
	return work(func(ctx context.Context, r *harness.Record) error {
		if release := p.meet(ctx, string(r.Key)); release != nil {
			defer release() // after our own work: that is the swap
		}
		turn, _ := turns.LoadOrStore(string(r.Key), make(chan struct{}, 1))
		turn.(chan struct{}) <- struct{}{}
		defer func() { <-turn.(chan struct{}) }()
		return honest.Do(ctx, r)
	})
}
