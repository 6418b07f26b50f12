package mutants

import (
	"context"
	"errors"

	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(plainRetries("plain-retries",
	"Copies a record whose work failed to a retry topic. A record that fails there too, or never can succeed, goes to a dead letter topic. "+
		"The original counts as completed once its copy is acknowledged.",
	nil))

// The side topics of [retries], by name.
const (
	retryTopic = "retry"
	deadTopic  = "dead-letter"
)

// retries is a member of two groups: one reads the source, the other the retry topic. The
// steps of [plainRetries] are the honest ones.
type retries struct {
	copierOptions []kgo.Opt
	trySource     retryStep // trySource works on a record of the source
	tryAgain      retryStep // tryAgain works on a record of the retry topic
	sendRetry     retryStep // sendRetry hands a record off to the retry topic
	sendDead      retryStep // sendDead hands a record off to the dead letters
}

// retryStep is a step with a record. An error means that the record stays outstanding.
type retryStep func(ctx context.Context, p *retryPod, r *harness.Record) error

// retryPod is a pod of [retries].
type retryPod struct {
	ctx    context.Context // ctx ends when the consumer has left both groups
	cfg    harness.Config
	work   harness.Work
	copier *relay.Copier
}

// plainRetries is the registration of a consumer that retries. It is honest but for what
// change does; nil changes nothing.
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
		DeadLetters: func(harness.Config) harness.DeadLetterPolicy { return harness.DeadLetterPolicy{Attempts: 2} }, // one in each topic
		New: func(harness.Config) (harness.Consumer, error) {
			c := &retries{}
			c.sendRetry = func(ctx context.Context, p *retryPod, r *harness.Record) error { return p.copyTo(ctx, retryTopic, r) }
			c.sendDead = func(ctx context.Context, p *retryPod, r *harness.Record) error { return p.copyTo(ctx, deadTopic, r) }
			c.trySource = func(ctx context.Context, p *retryPod, r *harness.Record) error {
				return c.workOrSend(ctx, p, r, c.sendRetry)
			}
			c.tryAgain = func(ctx context.Context, p *retryPod, r *harness.Record) error {
				return c.workOrSend(ctx, p, r, c.sendDead)
			}
			if change != nil {
				change(c)
			}
			return c, nil
		},
	}
}

// formingRetryGroup is what may show because a run waits only for the group of the source: the
// group of the retry topic may still be in a rebalance under load.
var formingRetryGroup = afterRebalance

// workOrSend tries the work once, and hands off a record whose work failed.
func (c *retries) workOrSend(ctx context.Context, p *retryPod, r *harness.Record, send retryStep) error {
	err := p.work.Do(ctx, r)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(err, harness.ErrPoison):
		return c.sendDead(ctx, p, r)
	}
	return send(ctx, p, r)
}

func (p *retryPod) copyTo(ctx context.Context, topic string, r *harness.Record) error {
	return p.copier.Copy(ctx, p.cfg.SideTopics[topic], r)
}

// Consume implements [harness.Consumer].
func (c *retries) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	copier, err := relay.NewCopier(ctx, cfg, c.copierOptions...)
	if err != nil {
		return err
	}
	defer copier.Close()
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	again := cfg
	again.Topic, again.Group = cfg.SideTopics[retryTopic], cfg.Group+".retry"
	return relay.RunTogether(ctx,
		func(ctx context.Context) error {
			return consumeWith(ctx, retryPod{background, cfg, w, copier}, c.trySource)
		},
		func(ctx context.Context) error {
			return consumeWith(ctx, retryPod{background, again, w, copier}, c.tryAgain)
		})
}

// consumeWith takes the records of one group through a step.
func consumeWith(ctx context.Context, p retryPod, step retryStep) error {
	return pool.Sharded{
		Shard: pool.ByRecord(),
		Wrap: func(fenced harness.Work) harness.Work {
			member := p
			member.work = fenced
			return workFunc(func(ctx context.Context, r *harness.Record) error { return step(ctx, &member, r) })
		},
	}.Consume(ctx, p.cfg, p.work)
}
