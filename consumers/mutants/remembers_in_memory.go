package mutants

import (
	"context"
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in faust-streaming 517.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-remembers-in-memory",
	Doc:         "Claims exactly once by a set of completed offsets in memory. The set is gone with the pod, and no other pod has it.",
	Delivery:    harness.ExactlyOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("pod-crash", oracle.CheckRedelivery),
	MayFail:     afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		var completed sync.Map
		p.Wrap = func(work harness.Work) harness.Work {
			return workFunc(func(ctx context.Context, r *harness.Record) error {
				at := placeOf(r)
				if _, ok := completed.Load(at); ok {
					return nil
				}
				err := work.Do(ctx, r)
				if err == nil {
					completed.Store(at, true)
				}
				return err
			})
		}
	}),
})

// place is where a record lies.
type place struct {
	group.TopicPartition
	offset int64
}

func placeOf(r *harness.Record) place {
	return place{group.TopicPartition{Topic: r.Topic, Partition: r.Partition}, r.Offset}
}
