package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-acknowledges-late",
		"Puts off the answer for some records until long after their locks have expired, and does not renew them: by then the group has handed them to somebody else.",
		func(c *share) {
			c.renew = false
			c.do = func(ctx context.Context, s *sharing, r *kgo.Record) {
				err := s.work.Do(ctx, view(r))
				if r.Offset%200 == 20 && r.DeliveryCount() == 1 {
					_ = sleep(ctx, 3*s.cfg.ShareLock/2)
				}
				if err != nil {
					r.Ack(kgo.AckRelease)
					return
				}
				r.Ack(kgo.AckAccept)
			}
		})
	i.MustFail = mustIn("one-partition", oracle.CheckAckAfterLockExpiry)
	i.MayFail = again
	return i
}())
