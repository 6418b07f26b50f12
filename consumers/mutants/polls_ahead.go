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
		"Polls the next records of a share group while it works on the last. The poll accepts all records that are not acknowledged yet.",
		func(c *share) {
			c.workOnBatch = func(ctx context.Context, p *sharePod, records []*kgo.Record) {
				p.background.Wait() // one batch ahead, no more
				p.background.Go(func() { workOnShareBatch(ctx, p, slices.Clone(records)) })
			}
		})
	i.MustFail = mustFailIn("long", oracle.CheckPrematureCommit)
	i.MayFail = append([]harness.Allowance{{Check: oracle.CheckStall, Why: "records that wait in the client for longer than their lock count as delivered, and the group gives them up"}}, afterRelease...)
	return i
}())
