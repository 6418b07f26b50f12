package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-acknowledges-late",
		"Acknowledges some records long after their locks have expired, without renewing the locks. The group has delivered them to another member meanwhile.",
		func(c *share) {
			c.renewLocks = false
			c.workOnRecord = func(ctx context.Context, p *sharePod, r *kgo.Record) {
				err := p.work.Do(ctx, viewRecord(r))
				if r.Offset%200 == 20 && r.DeliveryCount() == 1 {
					_ = sleepContext(ctx, 3*p.cfg.ShareLock/2)
				}
				acknowledge(r, err == nil)
			}
		})
	i.MustFail = mustFailIn("one-partition", oracle.CheckAckAfterLockExpiry)
	i.MayFail = afterRelease
	return i
}())
