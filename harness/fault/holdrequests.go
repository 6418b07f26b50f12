package fault

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// HoldRequests keeps back one kind of request of the pods, or the responses to it, and what
// follows on the same connections. Its heal lets them pass.
type HoldRequests struct {
	Key        int16 // Key is the API key in the Kafka protocol, such as [OffsetCommit].
	OnResponse bool  // OnResponse keeps back the responses: the broker has handled the requests.
	Limit      int   // Limit is the most frames to keep back for each pod, 0 for no limit.
	Of         Scope
}

// Name implements [harness.Fault].
func (f HoldRequests) Name() string {
	if f.OnResponse {
		return "hold responses to " + requestsOf(f.Key) + f.Of.String()
	}
	return "hold " + requestsOf(f.Key) + f.Of.String()
}

// Inject implements [harness.Fault].
func (f HoldRequests) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	frames := "requests of"
	if f.OnResponse {
		frames = "responses to"
	}
	return f.Of.applyRules(ctx, env, frames, harness.Rule{
		Key: f.Key, OnResponse: f.OnResponse, Limit: f.Limit, Hold: make(chan struct{}), // until the rule is stopped
	})
}

// Verify waits until a frame is held.
func (HoldRequests) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no request and no response was held")
}

// Requires implements [harness.Requirer].
func (HoldRequests) Requires(c harness.Cluster) error { return requireRules(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (f HoldRequests) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	return checkKeyUser(f.Key, i, p)
}

var _ harness.Requirer = HoldRequests{}

var _ = registerFault(
	Known{
		Fault: HoldRequests{Key: OffsetCommit, OnResponse: true}, By: "a rule on the wire",
		What:  "The broker carries out commits, and pods get the responses at the heal.",
		Lasts: between(time.Second, 1),
	},
	Known{
		Fault: HoldRequests{Key: OffsetCommit}, By: "a rule on the wire",
		What:  "The broker gets the commits of pods at the heal.",
		Lasts: between(time.Second, 1),
	},
)
