package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-dead-letter-too-soon",
		"Gives a record up after its first failure, where it says that it tries twice.",
		func(c *retries) {
			c.source.do = func(ctx context.Context, m *member, t task) error { return c.once(ctx, m, t, c.dead) }
		})
	i.MustFail = mustIn("failing", oracle.CheckPrematureDeadLetter)
	return i
}())
