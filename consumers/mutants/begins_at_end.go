package mutants

import (
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in IBM/sarama 1739, Flink's FLIP-288 and knative eventing-kafka 549.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-begins-at-end",
	Doc:         "Begins a partition without a commit at the end of its log, also one that was added.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail: slices.Concat(
		mustFailIn("partitions-added", oracle.CheckLoss, oracle.CheckPrematureCommit),
		mustFailIn("commits-expired", oracle.CheckLoss, oracle.CheckPrematureCommit),
		mustFailIn("crash-before-first-commit", oracle.CheckLoss, oracle.CheckPrematureCommit)),
	MayFail: afterRebalance,
	New: changeKeyed(func(p *keyedPod) {
		end := kgo.NewOffset().AtEnd()
		p.Options.ClientOptions = []kgo.Opt{kgo.ConsumeStartOffset(end), kgo.ConsumeResetOffset(end)}
	}),
})
