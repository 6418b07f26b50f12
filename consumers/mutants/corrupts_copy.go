package mutants

import (
	"context"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-corrupts-copy",
		"Encodes the body anew for the retry topic, and a byte of it comes out differently.",
		func(c *retries) {
			c.retry = func(ctx context.Context, m *member, t task) error {
				value := slices.Clone(t.Value)
				value[len(value)-1] ^= 1
				return m.copyTo(ctx, retryTopic, value, t)
			}
		})
	i.MustFail = mustIn("failing", oracle.CheckCorruption)
	return i
}())
