package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Topics of one replica are common in development, and by accident in production. The leader of
// four partitions is killed, and no other broker can lead them. A good consumer works on the
// others meanwhile. It must neither skip nor reset the partitions that are away.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:       "rf1-outage",
	Doc:        "Does a consumer survive an outage of partitions with one replica, and finish them once their broker is back?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 26 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:    load.Fixed(5 * time.Millisecond),
	Partitions: 12,
	Replicas:   1,
	Pods:       3,
	Workers:    8,
	Warmup:     2 * time.Second,
	Drain:      45 * time.Second,
	Injections: []harness.Injection{{Fault: fault.KillBroker{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:      true,
	Consumers:  stateConsumers,
})
