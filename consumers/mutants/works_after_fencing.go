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
	i := plainHabit("mutant-works-after-fencing",
		"Reads on without its group when another member has its instance id, since it takes the error for one that passes.",
		habit{
			options: func(*habitPod) []kgo.Opt { return []kgo.Opt{kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll()} },
			loop:    readOnWhenFenced,
		})
	i.Order, i.Redelivery = harness.OrderPartition, harness.RedeliveryBounded
	i.MustFail = mustFailIn("static-members", oracle.CheckZombie)
	i.MayFail = append([]harness.Allowance{
		{Check: oracle.CheckOverlap, Why: "the newcomer works on the same records"},
		{Check: oracle.CheckUnexplainedDuplicate, Why: "it repeats a record after the newcomer, and the newcomer did not read the partition again"},
		{Check: oracle.CheckUnfencedWork, Why: "it has a record in work when it is fenced"},
		{Check: oracle.CheckKeyInversion, Why: "it repeats records that the newcomer has completed, out of order"},
		{Check: oracle.CheckPartitionInversion, Why: "it repeats records that the newcomer has completed, out of order"},
	}, afterRebalance...)
	return i
}())

// readOnWhenFenced is the honest loop of one record at a time, but for what it does with the error.
func readOnWhenFenced(p *habitPod) error {
	next := map[int32]kgo.Offset{}
	for p.ctx.Err() == nil {
		fetches, err := p.poll(p.cfg.MaxPoll)
		if errors.Is(err, kerr.FencedInstanceID) {
			return p.readFrom(next)
		}
		if err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if p.do(p.ctx, r) != nil {
				return nil
			}
			next[r.Partition] = kgo.NewOffset().At(r.Offset + 1)
		}
		_ = p.client.CommitUncommittedOffsets(p.ctx) // the next commit makes up for one that fails
		p.client.AllowRebalance()
	}
	return nil
}

// readFrom reads and works on partitions as no member of a group.
func (p *habitPod) readFrom(next map[int32]kgo.Offset) error {
	options, err := client.BaseOptions(p.cfg)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.cfg.Topic: next}))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for p.ctx.Err() == nil {
		for _, r := range cl.PollRecords(p.ctx, p.cfg.MaxPoll).Records() {
			if p.do(p.ctx, r) != nil {
				return nil
			}
		}
	}
	return nil
}
