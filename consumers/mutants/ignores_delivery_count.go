package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-ignores-delivery-count",
		"Takes every delivery of a record for its first: one that always fails would come again for ever.",
		func(c *share) {
			c.do = func(ctx context.Context, s *sharing, r *kgo.Record) {
				first := view(r)
				first.Deliveries = 1
				if s.work.Do(ctx, first) != nil {
					r.Ack(kgo.AckRelease)
					return
				}
				r.Ack(kgo.AckAccept)
			}
		})
	i.MustFail = mustIn("failing", oracle.CheckDeliveryCount)
	return i
}())
