package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in spring-kafka's DeadLetterPublishingRecoverer before 2.7, and yaalalabs/agent-kernel 630.
var _ = harness.Register(func() harness.Implementation {
	const patience = time.Second
	i := plainRetries("mutant-drops-unsent-dead-letter",
		"Logs the error of a dead letter that it cannot send for a second, and counts the record as completed.",
		func(c *retries) {
			c.sendDead = func(ctx context.Context, p *retryPod, r *harness.Record) error {
				within, cancel := context.WithTimeout(ctx, patience)
				defer cancel()
				client.LogFailure(p.cfg, "dead letter", p.copyTo(within, deadTopic, r))
				return ctx.Err()
			}
		})
	i.MustFail = mustFailIn("dead-letters-refused", oracle.CheckLoss, oracle.CheckPrematureCommit)
	i.MayFail = afterRebalance
	return i
}())
