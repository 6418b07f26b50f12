package mutants

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainHabit("plain-defaults",
	"Polls and works, and leaves all else to the defaults of the client: it commits the last poll at intervals, once the next one has begun.",
	habit{
		options: func(*habitPod) []kgo.Opt { return []kgo.Opt{kgo.AutoCommitInterval(time.Second)} },
		loop:    pollAndWork,
	}))

// pollAndWork polls and works. Something else commits.
func pollAndWork(p *habitPod) error {
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
	}
	return nil
}
