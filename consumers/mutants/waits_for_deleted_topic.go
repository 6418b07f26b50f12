package mutants

import (
	"errors"

	"github.com/stampede-bench/stampede/consumers/client"
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
			loop: waitForDeletedTopic,
		})
	i.MustFail = mustFailIn("topic-recreated", oracle.CheckStall)
	i.MayFail = afterRebalance
	return i
}())

// waitForDeletedTopic is the honest loop of one record at a time, but for what it does with the error.
func waitForDeletedTopic(p *habitPod) error {
	for p.ctx.Err() == nil {
		fetches, err := p.poll(p.cfg.MaxPoll)
		if err != nil {
			return err
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if errors.Is(err, kerr.UnknownTopicID) {
				p.cfg.Logger().Error("waits for the topic", "partition", partition)
				p.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
			}
		})
		for _, r := range fetches.Records() {
			if p.do(p.ctx, r) != nil {
				return nil
			}
		}
		client.LogFailure(p.cfg, "commit", p.client.CommitUncommittedOffsets(p.ctx)) // the next commit makes up for it
		p.client.AllowRebalance()
	}
	return nil
}
