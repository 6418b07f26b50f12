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
	Doc:      "Goes back to its commit once a second, as an error handler does that seeks on any trouble, and does again what came since.",
	Delivery: harness.AtLeastOnce,
	Order:    harness.OrderPartition,
	Mutant:   true,
	MustFail: mustIn("steady", oracle.CheckUnexplainedDuplicate),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "what it does again steps back"},
		{Check: oracle.CheckStalledCommit, Why: "what it does again comes before it commits past what it had done"},
		{Check: oracle.CheckOverload, Why: "one record at a time, and many of them twice, is not enough for the load"},
	},
	New: func(harness.Config) (harness.Consumer, error) { return rewinds{}, nil },
})

// rewinds works on one record at a time, and commits the highest that it did.
type rewinds struct{}

// Consume implements [harness.Consumer].
func (rewinds) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	options, err := client.MemberOptions(cfg)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(options, kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	done := map[int32]kgo.EpochOffset{}
	committed, back := time.Now(), time.Now()
	for ctx.Err() == nil {
		for _, r := range client.PollRecords(ctx, 10).Records() {
			if w.Do(ctx, view(r)) != nil {
				break
			}
			if done[r.Partition].Offset <= r.Offset {
				done[r.Partition] = kgo.EpochOffset{Epoch: -1, Offset: r.Offset + 1}
			}
		}
		if time.Since(back) > time.Second {
			back = time.Now()
			client.SetOffsets(map[string]map[int32]kgo.EpochOffset{cfg.Topic: commitOf(ctx, client, cfg, done)})
		}
		if time.Since(committed) > 2*time.Second {
			committed = time.Now()
			client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{cfg.Topic: done}, nil)
		}
		client.AllowRebalance()
	}
	return nil
}

// commitOf is the group's commit of partitions, as a member asks for it.
func commitOf(ctx context.Context, client *kgo.Client, cfg harness.Config, of map[int32]kgo.EpochOffset) map[int32]kgo.EpochOffset {
	commits := map[int32]kgo.EpochOffset{}
	if len(of) == 0 {
		return commits
	}
	id, generation := client.GroupMetadata()
	group, topic := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	group.Group, group.MemberID, group.MemberEpoch, topic.Topic = cfg.Group, &id, generation, cfg.Topic
	for p := range of {
		topic.Partitions = append(topic.Partitions, p)
	}
	group.Topics = append(group.Topics, topic)
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Groups = append(req.Groups, group)
	resp, err := req.RequestWith(ctx, client)
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
