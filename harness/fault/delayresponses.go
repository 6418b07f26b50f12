package fault

import (
	"cmp"
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// DelayResponses delays the broker's responses to one kind of request of the pods. What
// follows on the same connection is late too. Its heal ends that.
type DelayResponses struct {
	Key   int16         // Key is the API key in the Kafka protocol, such as [OffsetCommit].
	Delay time.Duration // Delay 0: 500 ms.
	Limit int           // Limit is the most responses to delay for each pod, 0 for no limit.
	Of    Scope
}

// Name implements [harness.Fault].
func (f DelayResponses) Name() string {
	return "delay responses to " + requestsOf(f.Key) + f.Of.String()
}

// Inject implements [harness.Fault].
func (f DelayResponses) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	return f.Of.applyRules(ctx, env, "responses to", harness.Rule{
		Key: f.Key, OnResponse: true, Limit: f.Limit, Delay: cmp.Or(f.Delay, 500*time.Millisecond),
	})
}

// Verify waits until a response is late.
func (DelayResponses) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no response was delayed")
}

// Requires implements [harness.Requirer].
func (DelayResponses) Requires(c harness.Cluster) error { return requireRules(c) }

// RequiresOf implements [harness.ConsumerRequirer].
func (f DelayResponses) RequiresOf(i *harness.Implementation, p harness.Protocol) error {
	return checkKeyUser(f.Key, i, p)
}

var _ harness.Requirer = DelayResponses{}

var _ = registerFault(
	Known{
		Fault: DelayResponses{Key: OffsetCommit}, By: "a rule on the wire",
		What:  "Pods get the responses to their commits half a second late.",
		Lasts: between(time.Second, 1),
	},
	Known{
		Fault: DelayResponses{Key: Fetch}, By: "a rule on the wire",
		What:  "Pods get what they fetch half a second late.",
		Lasts: between(time.Second, 1),
	},
)
