package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-dead-letter-unacknowledged",
		"Hands a dead letter to its producer, which gathers a batch, and does not wait for the acknowledgement: the commit comes first.",
		func(c *retries) {
			c.source.options = []kgo.Opt{kgo.ProducerLinger(4 * time.Second)}
			c.dead = func(_ context.Context, m *member, t task) error {
				m.client.Produce(context.Background(), &kgo.Record{Topic: m.cfg.SideTopics[deadTopic], Key: t.Key, Value: t.Value}, nil)
				return nil
			}
		})
	i.MustFail = append(mustIn("poison", oracle.CheckPrematureCommit), mustIn("poison-crash", oracle.CheckLoss, oracle.CheckPrematureCommit)...)
	i.MayFail = moved
	return i
}())
