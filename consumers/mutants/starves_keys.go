package mutants

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-starves-keys",
	Doc:         "Lets the first record of some keys wait for seconds while it works on later records of others.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("sick-key", oracle.CheckStarvation),
	MayFail:     []harness.Allowance{{Check: oracle.CheckBlastRadius, Why: "keys other than the sick one wait too"}},
	New:         tamperedKeyed(delayFirstRecords),
})

func delayFirstRecords(honest harness.Work) harness.Work {
	var known sync.Map // of keys
	seed := maphash.MakeSeed()
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		if _, again := known.LoadOrStore(string(r.Key), true); !again && maphash.Bytes(seed, r.Key)%8 == 3 {
			if err := sleepContext(ctx, 3*time.Second); err != nil {
				return err
			}
		}
		return honest.Do(ctx, r)
	})
}
