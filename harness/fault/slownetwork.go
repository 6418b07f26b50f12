package fault

import (
	"cmp"
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// SlowNetwork makes each round trip between pods and brokers longer. Half of that is on the
// way to the broker, and half on the way back. No byte is lost and the order stays. Its heal
// ends that.
type SlowNetwork struct {
	Delay  time.Duration // Delay is how much longer a round trip takes. 0: 100 ms.
	Jitter time.Duration // Jitter is how much longer it takes at most by chance.
	Of     Scope
}

// Name implements [harness.Fault].
func (f SlowNetwork) Name() string { return "slow network" + f.Of.String() }

// Inject implements [harness.Fault].
func (f SlowNetwork) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	there := harness.Rule{Key: harness.AnyKey, Delay: cmp.Or(f.Delay, 100*time.Millisecond) / 2, Jitter: f.Jitter / 2}
	back := there
	back.OnResponse = true
	return f.Of.applyRules(ctx, env, "the network of", there, back)
}

// Verify waits until a frame is late.
func (SlowNetwork) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no request and no response came late")
}

// Requires implements [harness.Requirer].
func (SlowNetwork) Requires(c harness.Cluster) error { return requireRules(c) }

var _ harness.Requirer = SlowNetwork{}

var _ = registerFault(
	Known{
		Fault: SlowNetwork{Delay: 100 * time.Millisecond, Jitter: 100 * time.Millisecond}, By: "rules on the wire",
		What:  "Each round trip of all pods takes 100 to 200 ms longer.",
		Lasts: between(time.Second, 1),
	},
	Known{
		Fault: SlowNetwork{Delay: 300 * time.Millisecond, Of: OnePod}, By: "rules on the wire",
		What:  "Each round trip of one pod takes 300 ms longer.",
		Lasts: between(time.Second, 2),
	},
	Known{
		Fault: SlowNetwork{Delay: 300 * time.Millisecond, Of: OneBroker}, By: "rules on the wire",
		What:  "Each round trip to the leader of the fullest partition takes 300 ms longer.",
		Lasts: between(time.Second, 2),
	},
)
