package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-dead-letter-untried",
		"Sends one record in fifty to the dead letters without trying it.",
		func(c *retries) {
			honest := c.trySource
			c.trySource = func(ctx context.Context, p *retryPod, r *harness.Record) error {
				if isPicked(r) {
					return c.sendDead(ctx, p, r)
				}
				return honest(ctx, p, r)
			}
		})
	i.MustFail = mustFail(oracle.CheckPrematureDeadLetter)
	i.MayFail = formingRetryGroup
	return i
}())
