package mutants

import (
	"context"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-dead-letter-unacknowledged",
		"Passes a dead letter to its producer, which collects a batch, and does not wait for the acknowledgement. The commit comes first.",
		func(c *retries) {
			c.copierOptions = []kgo.Opt{kgo.ProducerLinger(4 * time.Second)}
			c.sendDead = func(_ context.Context, p *retryPod, r *harness.Record) error {
				letter := *r // the worker reuses r
				letter.Headers = slices.Clone(r.Headers)
				go func() { _ = p.copyTo(p.ctx, deadTopic, &letter) }()
				return nil
			}
		})
	i.MustFail = append(mustFailIn("poison", oracle.CheckPrematureCommit), mustFailIn("poison-crash", oracle.CheckLoss, oracle.CheckPrematureCommit)...)
	i.MayFail = afterRebalance
	return i
}())
