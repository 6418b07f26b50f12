package mutants

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainRetries("plain-retries",
	"Copies a record whose work failed to a retry topic, and one that fails there too, or never can succeed, to a dead letter topic; each copy is acknowledged before the original counts as done.",
	nil))

// The side topics of [retries], by name.
const (
	retryTopic = "retry"
	deadTopic  = "dead-letter"
)

// retries is a member of two groups: one takes the source, the other the retry
// topic. The fields of [plainRetries] are the honest ones.
type retries struct {
	source, again queues
	retry, dead   func(ctx context.Context, m *member, t task) error // each takes a record into custody
}

// plainRetries is the registration of a consumer that retries, honest but for
// what change does, which may be nil.
func plainRetries(name, doc string, change func(*retries)) harness.Implementation {
	return harness.Implementation{
		Name: name, Doc: doc, Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		Parallelism: func(cfg harness.Config) int { return 2 * cfg.Workers }, // those of each group
		SideTopics: func(harness.Config) []harness.SideTopic {
			return []harness.SideTopic{
				{Name: retryTopic, Role: harness.RoleRetry},
				{Name: deadTopic, Role: harness.RoleDeadLetter, Partitions: 1},
			}
		},
		DeadLetters: func(harness.Config) harness.DeadLetterPolicy { return harness.DeadLetterPolicy{Attempts: 2} }, // in the source, and again
		New: func(harness.Config) (harness.Consumer, error) {
			c := &retries{
				source: plain(), again: plain(),
				retry: func(ctx context.Context, m *member, t task) error { return m.copyTo(ctx, retryTopic, t.Value, t) },
				dead:  func(ctx context.Context, m *member, t task) error { return m.copyTo(ctx, deadTopic, t.Value, t) },
			}
			c.source.do = func(ctx context.Context, m *member, t task) error { return c.once(ctx, m, t, c.retry) }
			c.again.do = func(ctx context.Context, m *member, t task) error { return c.once(ctx, m, t, c.dead) }
			if change != nil {
				change(c)
			}
			return c, nil
		},
	}
}

// once tries the work, and hands a record whose work failed on.
func (c *retries) once(ctx context.Context, m *member, t task, next func(context.Context, *member, task) error) error {
	err := m.work.Do(ctx, view(t.Record))
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(err, harness.ErrPoison):
		return c.dead(ctx, m, t)
	}
	return next(ctx, m, t)
}

// copyTo appends a copy of a record to a side topic and waits until the broker
// has it.
func (m *member) copyTo(ctx context.Context, topic string, value []byte, t task) error {
	to := &kgo.Record{Topic: m.cfg.SideTopics[topic], Key: t.Key, Value: value}
	for {
		err := client.Produce(ctx, m.client, to)
		if err == nil {
			return nil
		}
		if sleep(ctx, pause) != nil {
			return fmt.Errorf("copy to %s: %w", topic, err)
		}
	}
}

// Consume implements [harness.Consumer].
func (c *retries) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	again := cfg
	again.Topic, again.Group = cfg.SideTopics[retryTopic], cfg.Group+".retry"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	retried := make(chan error, 1)
	go func() {
		defer cancel()
		retried <- c.again.Consume(ctx, again, w)
	}()
	err := c.source.Consume(ctx, cfg, w)
	cancel()
	return errors.Join(err, <-retried)
}
