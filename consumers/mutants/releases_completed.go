package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-releases-completed",
		"Releases some records after it has completed them. The group delivers them again, and the work is repeated.",
		func(c *share) {
			c.workOnRecord = func(ctx context.Context, p *sharePod, r *kgo.Record) {
				completed := p.work.Do(ctx, viewRecord(r)) == nil
				again := r.Offset%5 == 2 && r.DeliveryCount() < 3
				acknowledge(r, completed && !again)
			}
		})
	i.MustFail = mustFail(oracle.CheckUnexplainedDuplicate)
	i.MayFail = afterRelease
	return i
}())
