package scenarios

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// The topic has two replicas, and one is enough to acknowledge. A replica out of sync may lead,
// as in clusters that prefer availability. One replica dies, the leader acknowledges more
// records alone and dies too, and the first one comes back and leads. What it lacks is truncated:
// lost by the broker, explained by the fault. The log is shorter than the positions of the pods,
// and other records come to lie there. A good consumer is told by the leader epoch (KIP-320) or
// by OFFSET_OUT_OF_RANGE, and goes back to where the log was cut. One that keeps its position, or
// that jumps to the end, loses records. Models of Kafka keep one log and skip it.
var _ = harness.RegisterScenario(harness.Scenario{
	Name:        "unclean-election",
	Doc:         "Does a consumer go back to where the log was cut, when a new leader lacks records that it had read?",
	Load:        harness.Load{Pacer: load.Constant{Rate: 300, For: 30 * time.Second}, Keys: load.Uniform{N: 1_000}},
	Service:     load.Fixed(5 * time.Millisecond),
	Partitions:  12,
	Replicas:    2,
	TopicConfig: map[string]string{"min.insync.replicas": "1", "unclean.leader.election.enable": "true"},
	Pods:        3,
	Workers:     8,
	Warmup:      2 * time.Second,
	Drain:       45 * time.Second,
	Injections:  []harness.Injection{{Fault: fault.UncleanElection{}, At: 8 * time.Second, HealAfter: 8 * time.Second}},
	Extra:       true,
	Consumers:   []string{"keyed", "keyed@848"},
})
