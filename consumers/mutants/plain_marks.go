package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainHabit("plain-marks",
	"Marks each record after its work. The client commits marks at intervals, and a revocation commits them at once.",
	habit{
		options: func(p *habitPod) []kgo.Opt {
			commitMarks := func(ctx context.Context, cl *kgo.Client, _ map[string][]int32) {
				client.LogFailure(p.cfg, "commit", cl.CommitMarkedOffsets(ctx)) // the next owner repeats what it does not cover
			}
			return []kgo.Opt{kgo.AutoCommitMarks(), kgo.AutoCommitInterval(time.Second), kgo.BlockRebalanceOnPoll(), kgo.OnPartitionsRevoked(commitMarks)}
		},
		loop: workAndMark,
	}))

func workAndMark(p *habitPod) error {
	const atOnce = 20 // so few that a rebalance waits for less than its timeout
	for p.ctx.Err() == nil {
		fetches, err := p.poll(atOnce)
		if err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if p.do(p.ctx, r) != nil {
				return nil
			}
			p.client.MarkCommitRecords(r)
		}
		p.client.AllowRebalance()
	}
	return nil
}
