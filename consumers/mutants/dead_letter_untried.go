package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-dead-letter-untried",
		"Sends one record in fifty to the dead letters without ever trying it.",
		func(c *retries) {
			honest := c.source.do
			c.source.do = func(ctx context.Context, m *member, t task) error {
				if picked(view(t.Record)) {
					return c.dead(ctx, m, t)
				}
				return honest(ctx, m, t)
			}
		})
	i.MustFail = must(oracle.CheckPrematureDeadLetter)
	return i
}())
