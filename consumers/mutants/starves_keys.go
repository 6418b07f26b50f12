package mutants

import (
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-starves-keys",
	Doc:         "Lets the first record of some keys wait for seconds while it works on others that came later.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("sick-key", oracle.CheckStarvation),
	MayFail:     []harness.Allowance{{Check: oracle.CheckBlastRadius, Why: "the keys that wait are others than the sick one, too"}},
	New: made(func(q *queues) {
		var met sync.Map // of keys
		q.do = func(ctx context.Context, m *member, t task) error {
			if _, again := met.LoadOrStore(string(t.Key), true); !again && hash(t.Key)%8 == 3 {
				if err := sleep(ctx, 3*time.Second); err != nil {
					return err
				}
			}
			return tryOn(ctx, m, t)
		}
	}),
})
