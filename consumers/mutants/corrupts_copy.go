package mutants

import (
	"context"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-corrupts-copy",
		"Encodes the value again for the retry topic, and one byte changes.",
		func(c *retries) {
			c.sendRetry = func(ctx context.Context, p *retryPod, r *harness.Record) error {
				corrupt := *r
				corrupt.Value = slices.Clone(r.Value)
				corrupt.Value[len(corrupt.Value)-1] ^= 1
				return p.copyTo(ctx, retryTopic, &corrupt)
			}
		})
	i.MustFail = mustFailIn("failing", oracle.CheckCorruption)
	i.MayFail = formingRetryGroup
	return i
}())
