package fault

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// OffsetCommit is the API key of a group's commits in the Kafka protocol.
const OffsetCommit int16 = 8

// DropResponses drops the broker's responses to one kind of request of the pods.
// The broker handles the request, and then the connection breaks. It affects all
// partitions. Its heal stops dropping.
type DropResponses struct {
	Key   int16 // Key is the API key in the Kafka protocol, such as [OffsetCommit].
	Limit int   // Limit is the most responses to drop for each pod, 0 for no limit.
}

// Name implements [harness.Fault].
func (f DropResponses) Name() string {
	if f.Key == OffsetCommit {
		return "drop responses to commits"
	}
	return fmt.Sprintf("drop responses to requests of key %d", f.Key)
}

// Inject implements [harness.Fault].
func (f DropResponses) Inject(_ context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	c := env.Cluster.(harness.RuleApplier)
	var stops []func() int
	stop := func() {
		for _, stop := range stops {
			stop()
		}
	}
	var dropped atomic.Int64
	env.Effects = func() int { return int(dropped.Load()) }
	for _, pod := range env.Pods {
		// A client id is the pod's name, a dot, and the incarnation.
		s, err := c.ApplyRule(harness.Rule{Key: f.Key, Client: pod.Name() + ".", OnResponse: true, Limit: f.Limit, Then: harness.WireReset,
			Reached: func() { dropped.Add(1) }})
		if err != nil {
			stop()
			return nil, err
		}
		stops = append(stops, s)
	}
	env.Target = harness.Target{Name: "responses to the pods"}
	for p := range env.Group.Owners() {
		env.Target.Partitions = append(env.Target.Partitions, int32(p))
	}
	return func(context.Context) error { stop(); return nil }, nil
}

// Verify waits until a response is dropped.
func (DropResponses) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no response was dropped")
}

// Requires implements [harness.Requirer].
func (DropResponses) Requires(c harness.Cluster) error {
	if _, ok := c.(harness.RuleApplier); !ok {
		return errors.New("this back end cannot change what clients and brokers send")
	}
	return nil
}

var _ interface {
	harness.Fault
	harness.Requirer
} = DropResponses{}

var _ = registerFault(Known{
	Fault: DropResponses{Key: OffsetCommit}, What: "The broker carries out commits, and the connection breaks before each response.", By: "a rule on the wire",
	Lasts: between(2*time.Second, 1),
})
