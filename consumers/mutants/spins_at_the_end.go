package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// As in IBM/sarama 2855, where a consumer asked for the same records again and again. Only
// virtual time has no room for such a consumer, so it is no case of all back ends.
var _ = harness.Register(func() harness.Implementation {
	i := plainHabit("spins-at-the-end",
		"Once it has worked on all records of a poll, it asks for the end of the log again and again until that has moved.",
		habit{
			options: func(*habitPod) []kgo.Opt {
				return []kgo.Opt{kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll()}
			},
			loop: pollAndSpin,
		})
	i.MustFail = mustFail(oracle.CheckPodLiveness)
	return i
}())

// pollAndSpin is the honest loop of a poll, its work and its commit, but for the last line.
func pollAndSpin(p *habitPod) error {
	for p.ctx.Err() == nil {
		fetches, err := p.poll(p.cfg.MaxPoll)
		if err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if p.do(p.ctx, r) != nil {
				return nil
			}
		}
		_ = p.client.CommitUncommittedOffsets(p.ctx)
		p.client.AllowRebalance()
		spinUntilMoved(p.ctx, p.client, p.cfg.Topic)
	}
	return nil
}

func spinUntilMoved(ctx context.Context, cl *kgo.Client, topic string) {
	first := int64(-1)
	for ctx.Err() == nil {
		end, ok := askForEnd(ctx, cl, topic)
		if ok && first >= 0 && end != first {
			return
		}
		if ok {
			first = end
		}
	}
}

// askForEnd asks for the end of the first partition.
func askForEnd(ctx context.Context, cl *kgo.Client, topic string) (end int64, ok bool) {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	r := kmsg.NewPtrListOffsetsRequest()
	r.ReplicaID, r.Topics = -1, append(r.Topics, t)
	for _, shard := range cl.RequestSharded(ctx, r) {
		if resp, is := shard.Resp.(*kmsg.ListOffsetsResponse); shard.Err == nil && is {
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					return p.Offset, p.ErrorCode == 0
				}
			}
		}
	}
	return 0, false
}
