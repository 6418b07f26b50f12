package mutants

import (
	"context"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-polls-ahead",
		"Polls the next records of a share group while it works on the last: the poll accepts what has no answer yet.",
		func(c *share) {
			c.batch = func(ctx context.Context, s *sharing, records []*kgo.Record) {
				s.background.Wait() // one batch ahead, no more
				s.background.Go(func() { workAll(ctx, s, slices.Clone(records)) })
			}
		})
	i.MustFail = mustIn("long", oracle.CheckPrematureCommit)
	i.MayFail = append([]harness.Allowance{{Check: oracle.CheckStall, Why: "what waits in the client for longer than its lock counts as delivered, and the group gives it up"}}, again...)
	return i
}())
