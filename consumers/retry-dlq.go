package consumers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "retry-dlq",
	Doc: "One queue over a pool of workers. A record whose work fails is copied to the first of some retry topics and comes back after its delay, " +
		"from there to the next, and from the last to a dead-letter topic; one that is poison goes to the dead letters at once. A record is done " +
		"where it lies only when the copy is acknowledged. Failing work holds nobody up, and no order is left.",
	Use: "Where what fails may be done later than what came after it, and somebody looks after the dead letters. " +
		"Not where records of a key depend on each other (retry-ordered), nor where all work fails at once: an outage downstream becomes dead letters.",
	Bound: "W / service time, whatever the keys; each failure costs a copy and a fetch more.",
	Crash: "As unordered; a record whose copy was made and whose commit was not is tried at both places. A pod back from a standstill may still " +
		"copy what another has done since: a record can end as done and as a dead letter.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: allWorkers,
	SideTopics:  retryTopics,
	DeadLetters: func(cfg harness.Config) harness.DeadLetterPolicy {
		waits, _ := delays(cfg.Knobs["delays"])
		return harness.DeadLetterPolicy{Attempts: 1 + len(waits)}
	},
	Knobs: []harness.Knob{{
		Name: "delays", Default: "100ms/300ms/1s", Doc: "how long a record waits before each further try, a retry topic each",
		Check: func(v string) error { _, err := delays(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		waits, err := delays(cfg.Knobs["delays"])
		return retryDLQ{waits}, err
	},
})

// mostTiers bounds the number of retry topics.
const mostTiers = 10

// delays reads the delays of tiers, as 100ms/1s/1m.
func delays(v string) (waits []time.Duration, err error) {
	for text := range strings.SplitSeq(v, "/") {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%q: %q is not a duration above zero, as 100ms/300ms/1s", v, text)
		}
		waits = append(waits, d)
	}
	if len(waits) > mostTiers {
		return nil, fmt.Errorf("%q has %d delays, at most %d are to be", v, len(waits), mostTiers)
	}
	return waits, nil
}

// tier is the name of the n-th retry topic, from 0.
func tier(n int) string { return fmt.Sprintf("retry-%d", n+1) }

func retryTopics(cfg harness.Config) (topics []harness.SideTopic) {
	waits, _ := delays(cfg.Knobs["delays"]) // New returns the error
	for n := range waits {
		topics = append(topics, harness.SideTopic{Name: tier(n), Role: harness.RoleRetry})
	}
	return append(topics, harness.SideTopic{Name: deadLetters, Role: harness.RoleDeadLetter})
}

type retryDLQ struct {
	delays []time.Duration // delays of the tiers
}

// Consume is two members: one of the source's group, and one of a group that takes all
// tiers. In one group a pod might be given partitions of tiers alone.
func (c retryDLQ) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copies, err := relay.NewCopier(ctx, cfg)
	if err != nil {
		return err
	}
	defer copies.Close()
	pass := passing{copies: copies, next: map[string]string{}, dead: cfg.SideTopics[deadLetters]}
	waits, from := map[string]time.Duration{}, cfg.Topic
	again := cfg
	again.Topic, again.Group = cfg.SideTopics[tier(0)], cfg.Group+".retry"
	how := group.Options{Due: group.DueByTopic(waits)}
	for n, delay := range c.delays {
		topic := cfg.SideTopics[tier(n)]
		how.MoreTopics = append(how.MoreTopics, topic)
		pass.next[from], waits[topic], from = topic, delay, topic
	}
	pass.next[from] = pass.dead
	turns := func(m *group.Member, w harness.Work) func([]group.Task) {
		p := pass
		p.work, p.fence = w, m.Fence()
		return pool.NewWorker(p).RunBatch
	}
	around := pool.NewSlots(cfg.Workers).Wrap
	return relay.RunTogether(ctx,
		func(ctx context.Context) error {
			return pool.Sharded{Shard: pool.ByRecord(), Batch: 1, Wrap: around, NewWorker: turns}.Consume(ctx, cfg, work)
		},
		func(ctx context.Context) error {
			return pool.Sharded{Shard: pool.ByRecord(), Batch: 1, Options: how, Wrap: around, NewWorker: turns}.Consume(ctx, again, work)
		},
	)
}

// passing is work that passes a record on when it fails, to where it is tried next or
// to the dead letters, and has then done its duty.
type passing struct {
	work   harness.Work
	fence  *group.Fence // fence holds a copy back of what may be another's by then
	copies *relay.Copier
	next   map[string]string // next is the topic that follows, by the one that the record lies in
	dead   string
}

func (p passing) Do(ctx context.Context, r *harness.Record) error {
	err := p.work.Do(ctx, r)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if err := p.fence.Wait(ctx); err != nil {
		return err
	}
	to := p.next[r.Topic]
	if errors.Is(err, harness.ErrPoison) {
		to = p.dead
	}
	return p.copies.Copy(ctx, to, r, relay.FailureHeader(r, err))
}
