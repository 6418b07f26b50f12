package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var _ = harness.Register(harness.Implementation{
	Name:     "mutant-rewinds-without-cause",
	Doc:      "Seeks back to its commit once a second, like an error handler that seeks on any error, and repeats the records since.",
	Delivery: harness.AtLeastOnce,
	Order:    harness.OrderPartition,
	Mutant:   true,
	MustFail: mustFailIn("steady", oracle.CheckUnexplainedDuplicate),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "repeated records step back"},
		{Check: oracle.CheckStalledCommit, Why: "it repeats records before it commits past the records completed before"},
		{Check: oracle.CheckOverload, Why: "one record at a time, many of them twice, is not enough for the load"},
	},
	New: func(harness.Config) (harness.Consumer, error) { return rewinder{}, nil },
})

// rewinder works on one record at a time, and commits past the highest that it completed.
type rewinder struct{}

// Consume implements [harness.Consumer].
func (rewinder) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	cl, err := client.NewMember(cfg, kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())
	if err != nil {
		return err
	}
	defer cl.CloseAllowingRebalance()
	done := map[int32]kgo.EpochOffset{}
	committed, back := time.Now(), time.Now()
	for ctx.Err() == nil {
		for _, r := range cl.PollRecords(ctx, 10).Records() {
			if w.Do(ctx, viewRecord(r)) != nil {
				break
			}
			if done[r.Partition].Offset <= r.Offset {
				done[r.Partition] = kgo.EpochOffset{Epoch: -1, Offset: r.Offset + 1}
			}
		}
		if time.Since(back) > time.Second {
			back = time.Now()
			cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{cfg.Topic: fetchCommits(ctx, cl, cfg, done)})
		}
		if time.Since(committed) > 2*time.Second {
			committed = time.Now()
			cl.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{cfg.Topic: done}, nil)
		}
		cl.AllowRebalance()
	}
	return nil
}

// fetchCommits asks, as a member, for the group's commits of partitions.
func fetchCommits(ctx context.Context, cl *kgo.Client, cfg harness.Config, of map[int32]kgo.EpochOffset) map[int32]kgo.EpochOffset {
	commits := map[int32]kgo.EpochOffset{}
	if len(of) == 0 {
		return commits
	}
	id, generation := cl.GroupMetadata()
	group, topic := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	group.Group, group.MemberID, group.MemberEpoch, topic.Topic = cfg.Group, &id, generation, cfg.Topic
	for p := range of {
		topic.Partitions = append(topic.Partitions, p)
	}
	group.Topics = append(group.Topics, topic)
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Groups = append(req.Groups, group)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil || len(resp.Groups) == 0 {
		return commits
	}
	for _, t := range resp.Groups[0].Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 && p.Offset >= 0 {
				commits[p.Partition] = kgo.EpochOffset{Epoch: -1, Offset: p.Offset}
			}
		}
	}
	return commits
}
