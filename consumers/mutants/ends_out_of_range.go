package mutants

import (
	"errors"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in IBM/sarama 2682 and 2855.
var _ = harness.Register(func() harness.Implementation {
	i := plainHabit("mutant-ends-out-of-range",
		"Reads a partition no more after its offset was out of range, and stays a good member of its group.",
		habit{
			options: func(*habitPod) []kgo.Opt {
				return []kgo.Opt{kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.ConsumeResetOffset(kgo.NoResetOffset())}
			},
			loop: pauseAtError(kerr.OffsetOutOfRange),
		})
	i.MustFail = mustFailIn("retention-overtakes", oracle.CheckStall, oracle.CheckOvertaken)
	i.MayFail = afterRebalance
	return i
}())

// pauseAtError is the honest loop of one record at a time, but it pauses a partition whose fetch fails with an
// error, and never resumes it.
func pauseAtError(fatal error) func(*habitPod) error {
	return func(p *habitPod) error {
		for p.ctx.Err() == nil {
			fetches, err := p.poll(p.cfg.MaxPoll)
			if err != nil {
				return err
			}
			fetches.EachError(func(topic string, partition int32, err error) {
				if errors.Is(err, fatal) {
					p.cfg.Logger().Error("reads the partition no more", "partition", partition, "error", err)
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
}
