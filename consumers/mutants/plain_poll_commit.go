package mutants

import (
	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainHabit("plain-poll-commit",
	"Polls all records that wait, works on them, and commits them at the end. A rebalance waits for the batch.",
	habit{
		options: func(*habitPod) []kgo.Opt { return []kgo.Opt{kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll()} },
		loop:    pollAndCommit,
	}))

func pollAndCommit(p *habitPod) error {
	for p.ctx.Err() == nil {
		fetches, err := p.poll(0)
		if err != nil {
			return err
		}
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
