package mutants

import (
	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainHabit("plain-commit-each",
	"Commits each record after its work. It does not listen to rebalances, and finishes what it has polled.",
	habit{
		options: func(*habitPod) []kgo.Opt { return []kgo.Opt{kgo.DisableAutoCommit()} },
		loop: func(p *habitPod) error {
			return workOff(p, func(r *kgo.Record) {
				client.LogFailure(p.cfg, "commit", p.client.CommitRecords(p.ctx, r)) // the next commit makes up for it
			})
		},
	}))
