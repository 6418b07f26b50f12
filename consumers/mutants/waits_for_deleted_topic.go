package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainHabit("mutant-waits-for-deleted-topic",
		"Waits for the topic that it knew once the broker does not know its id any more, and stays a good member of its group.",
		habit{
			options: func(*habitPod) []kgo.Opt {
				return []kgo.Opt{kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll()}
			},
			loop: pauseAtError(kerr.UnknownTopicID),
		})
	i.MustFail = mustFailIn("topic-recreated", oracle.CheckStall)
	i.MayFail = afterRebalance
	return i
}())
