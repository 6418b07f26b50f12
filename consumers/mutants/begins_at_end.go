package mutants

import (
	"slices"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in IBM/sarama 1739, Flink's FLIP-288 and knative eventing-kafka 549.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-begins-at-end",
	Doc:         "Begins a partition without a commit at the end of its log, also one that was added.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderPartition,
	Parallelism: func(harness.Config) int { return 1 },
	Mutant:      true,
	MustFail: slices.Concat(
		mustFailIn("partitions-added", oracle.CheckLoss, oracle.CheckPrematureCommit),
		mustFailIn("commits-expired", oracle.CheckLoss, oracle.CheckPrematureCommit)),
	MayFail: afterRebalance,
	New: changePolls(func(p *pollingPod) {
		end := kgo.NewOffset().AtEnd()
		p.options = group.Options{ClientOptions: []kgo.Opt{kgo.ConsumeStartOffset(end), kgo.ConsumeResetOffset(end)}}
	}),
})
