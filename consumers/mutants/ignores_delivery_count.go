package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-ignores-delivery-count",
		"Takes every delivery of a record for the first: a record that always fails would come again for ever.",
		func(c *share) {
			c.workOnRecord = func(ctx context.Context, p *sharePod, r *kgo.Record) {
				first := viewRecord(r)
				first.Deliveries = 1
				acknowledge(r, p.work.Do(ctx, first) == nil)
			}
		})
	i.MustFail = mustFailIn("failing", oracle.CheckDeliveryCount)
	return i
}())
