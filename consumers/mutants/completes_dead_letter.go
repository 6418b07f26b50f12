package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-completes-dead-letter",
		"Sends a record that failed twice to the dead letters, and then goes on to try it until it succeeds.",
		func(c *retries) {
			c.again.do = func(ctx context.Context, m *member, t task) error {
				err := m.work.Do(ctx, view(t.Record))
				if err == nil || ctx.Err() != nil {
					return err
				}
				if err := c.dead(ctx, m, t); err != nil {
					return err
				}
				return tryOn(ctx, m, t)
			}
		})
	i.MustFail = mustIn("failing-twice", oracle.CheckConflictingOutcomes)
	return i
}())
