package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The producer waits for the leader alone, and the leader of the fullest partition dies. Records
// that no other replica had are acknowledged and gone. The report counts them at lost by broker,
// which is not judged: the settings of the producer do not exclude it. In acks-0 no record is
// acknowledged, so that count has no meaning there.
//
// A consumer must complete what is in the log. It may not skip records because offsets
// that it had heard of are used again. A model of Kafka without replication loses nothing.
var _ = harness.RegisterScenario(leaderDies("acks-1", harness.AcksLeader,
	"Does a consumer complete what is in the log when the producer waits for the leader alone and the leader dies?"))

// leaderDies is a scenario in which a leader dies and the producer does not wait for all replicas.
func leaderDies(name string, acks harness.Acks, doc string) harness.Scenario {
	return harness.Scenario{
		Name:       name,
		Doc:        doc,
		Load:       harness.Load{Pacer: load.Constant{Rate: 300, For: 20 * time.Second}, Keys: load.Uniform{N: 1000}},
		Producer:   harness.ProducerSettings{Acks: acks, NotIdempotent: true},
		Service:    load.Fixed(2 * time.Millisecond),
		Partitions: 12,
		Pods:       3,
		Workers:    8,
		Warmup:     2 * time.Second,
		Injections: []harness.Injection{{Fault: fault.KillBroker{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
		Consumers:  []string{"keyed"},
		Extra:      true,
	}
}
