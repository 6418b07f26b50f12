package fault

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// HoldResponses keeps back the broker's responses to one kind of request of the pods, and
// what follows on the same connections. Its heal lets them pass.
type HoldResponses struct {
	Key      int16 // Key is the API key in the Kafka protocol, such as [OffsetCommit].
	Requests bool  // Requests keeps back the requests themselves: the broker gets them after the heal.
	Limit    int   // Limit is the most frames to keep back for each pod, 0 for no limit.
	Of       Scope
}

// Name implements [harness.Fault].
func (f HoldResponses) Name() string {
	if f.Requests {
		return "hold " + requestsOf(f.Key) + f.Of.String()
	}
	return "hold responses to " + requestsOf(f.Key) + f.Of.String()
}

// Inject implements [harness.Fault].
func (f HoldResponses) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	return f.Of.applyRules(ctx, env, "responses to", harness.Rule{
		Key: f.Key, OnResponse: !f.Requests, Limit: f.Limit, Hold: make(chan struct{}), // until the rule is stopped
	})
}

// Verify waits until a frame is held.
func (HoldResponses) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no request and no response was held")
}

// Requires implements [harness.Requirer].
func (HoldResponses) Requires(c harness.Cluster) error { return requireRules(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (f HoldResponses) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	return checkKeyUser(f.Key, i, p)
}

var _ harness.Requirer = HoldResponses{}

var _ = registerFault(
	Known{
		Fault: HoldResponses{Key: OffsetCommit}, By: "a rule on the wire",
		What:  "The broker carries out commits, and pods get the responses at the heal.",
		Lasts: between(time.Second, 1),
	},
	Known{
		Fault: HoldResponses{Key: OffsetCommit, Requests: true}, By: "a rule on the wire",
		What:  "The broker gets the commits of pods at the heal.",
		Lasts: between(time.Second, 1),
	},
)
