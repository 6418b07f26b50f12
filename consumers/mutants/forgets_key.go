package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-forgets-key",
		"Copies the value of a record to the retry topic, without its key.",
		func(c *retries) {
			c.sendRetry = func(ctx context.Context, p *retryPod, r *harness.Record) error {
				keyless := *r
				keyless.Key = nil
				return p.copyTo(ctx, retryTopic, &keyless)
			}
		})
	i.MustFail = mustFailIn("failing", oracle.CheckCorruption)
	i.MayFail = formingRetryGroup
	return i
}())
