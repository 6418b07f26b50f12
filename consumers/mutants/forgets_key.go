package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-forgets-key",
		"Copies the value of a record to the retry topic and forgets its key.",
		func(c *retries) {
			c.retry = func(ctx context.Context, m *member, t task) error {
				return m.copyTo(ctx, retryTopic, t.Value, task{&kgo.Record{}, t.of})
			}
		})
	i.MustFail = mustIn("failing", oracle.CheckCorruption)
	return i
}())
