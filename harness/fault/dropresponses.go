package fault

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// DropResponses drops the broker's responses to one kind of request of the pods.
// The broker handles the request, and then the connection breaks. Its heal stops
// dropping.
type DropResponses struct {
	Key   int16 // Key is the API key in the Kafka protocol, such as [OffsetCommit].
	Limit int   // Limit is the most responses to drop for each pod, 0 for no limit.
	Of    Scope
}

// Name implements [harness.Fault].
func (f DropResponses) Name() string { return "drop responses to " + requestsOf(f.Key) + f.Of.String() }

// Inject implements [harness.Fault].
func (f DropResponses) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	return f.Of.applyRules(ctx, env, "responses to", harness.Rule{Key: f.Key, OnResponse: true, Limit: f.Limit, Then: harness.WireReset})
}

// Verify waits until a response is dropped.
func (DropResponses) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no response was dropped")
}

// Requires implements [harness.Requirer].
func (DropResponses) Requires(c harness.Cluster) error { return requireRules(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (f DropResponses) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	return checkKeyUser(f.Key, i, p)
}

var _ interface {
	harness.Fault
	harness.Requirer
	harness.ConsumerRequirer
} = DropResponses{}

var _ = registerFault(Known{
	Fault: DropResponses{Key: OffsetCommit}, What: "The broker carries out commits, and the connection breaks before each response.", By: "a rule on the wire",
	Lasts: between(2*time.Second, 1),
})
