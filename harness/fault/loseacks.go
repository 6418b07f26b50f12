package fault

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// LoseAcks drops responses to the producer: the broker appends the records, and the
// connection breaks. So the producer sends them again. It affects no pod.
type LoseAcks struct {
	Every int // Every is after how many responses the next one is dropped. 0: all.
}

// Name implements [harness.Fault].
func (LoseAcks) Name() string { return "drop responses to the producer" }

// AffectsProducer implements [harness.ProducerFault].
func (LoseAcks) AffectsProducer() bool { return true }

// Inject implements [harness.Fault].
func (f LoseAcks) Inject(_ context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	var dropped atomic.Int64
	stop, err := env.Cluster.(harness.RuleApplier).ApplyRule(harness.Rule{
		Key: Produce, Client: harness.ProducerClientID, OnResponse: true, Every: f.Every,
		Reached: func() { dropped.Add(1) }, Then: harness.WireReset,
	})
	if err != nil {
		return nil, err
	}
	env.Effects = func() int { return int(dropped.Load()) }
	env.Target = harness.Target{Name: "the producer", Partitions: allPartitions(len(env.Group.Owners())), None: true}
	return func(context.Context) error { stop(); return nil }, nil
}

// Verify waits until a response is dropped.
func (LoseAcks) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no response was dropped")
}

// Requires implements [harness.Requirer].
func (LoseAcks) Requires(c harness.Cluster) error { return requireRules(c) }

var _ interface {
	harness.Requirer
	harness.ProducerFault
} = LoseAcks{}

var _ = registerFault(Known{
	Fault: LoseAcks{Every: 5}, What: "The broker appends records, and the connection breaks before the response, so the producer sends them again.", By: "a rule on the wire",
	Removes: AProducer, Lasts: between(time.Second, 0.5),
})
