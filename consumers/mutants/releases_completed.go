package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-releases-completed",
		"Gives some records back when it has done them: they come again and are done again.",
		func(c *share) {
			c.do = func(ctx context.Context, s *sharing, r *kgo.Record) {
				if s.work.Do(ctx, view(r)) != nil || r.Offset%5 == 2 && r.DeliveryCount() < 3 {
					r.Ack(kgo.AckRelease)
					return
				}
				r.Ack(kgo.AckAccept)
			}
		})
	i.MustFail = must(oracle.CheckUnexplainedDuplicate)
	i.MayFail = again
	return i
}())
