package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-completes-dead-letter",
		"Sends a record that failed twice to the dead letters, and then tries it again until it succeeds.",
		func(c *retries) {
			c.tryAgain = func(ctx context.Context, p *retryPod, r *harness.Record) error {
				err := p.work.Do(ctx, r)
				if err == nil || ctx.Err() != nil {
					return err
				}
				if err := c.sendDead(ctx, p, r); err != nil {
					return err
				}
				return pool.Retry(ctx, p.work, r)
			}
		})
	i.MustFail = mustFailIn("failing-twice", oracle.CheckConflictingOutcomes)
	i.MayFail = formingRetryGroup
	return i
}())
