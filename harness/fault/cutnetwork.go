package fault

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// CutNetwork lets nothing pass between pods and brokers, on connections of before and on new
// ones. Neither side gets an error. TCP sends lost data again, so what a side sent meanwhile
// arrives after the heal. If HalfOpen, a connection that was used meanwhile is dead: what is sent on it
// is lost, also after the heal, as when a router has forgotten the connection.
type CutNetwork struct {
	HalfOpen bool
	Of       Scope
}

// Name implements [harness.Fault].
func (f CutNetwork) Name() string {
	if f.HalfOpen {
		return "cut network half-open" + f.Of.String()
	}
	return "cut network" + f.Of.String()
}

// Inject implements [harness.Fault].
func (f CutNetwork) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	there := harness.Rule{Key: harness.AnyKey}
	if f.HalfOpen {
		there.Then = harness.WireDrop
	} else {
		there.Hold = make(chan struct{}) // until the rule is stopped
	}
	back := there
	back.OnResponse = true
	return f.Of.applyRules(ctx, env, "the network of", there, back)
}

// Verify waits until a frame does not pass.
func (CutNetwork) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no request and no response was kept back")
}

// Requires implements [harness.Requirer].
func (CutNetwork) Requires(c harness.Cluster) error { return requireRules(c) }

var _ harness.Requirer = CutNetwork{}

var _ = registerFault(
	Known{
		Fault: CutNetwork{Of: OnePod}, By: "rules on the wire",
		What:    "No frame passes between one pod and the brokers. What they sent arrives at the heal.",
		Removes: APod, Lasts: between(time.Second, 2),
	},
	Known{
		Fault: CutNetwork{Of: OnePod, HalfOpen: true}, By: "rules on the wire",
		What:    "No frame passes between one pod and the brokers. What they sent is lost, and so are their connections.",
		Removes: APod, Lasts: between(time.Second, 2),
	},
	Known{
		Fault: CutNetwork{Of: OneBroker}, By: "rules on the wire",
		What:    "No frame passes between the pods and the leader of the fullest partition. What they sent arrives at the heal.",
		Removes: ABroker, Lasts: between(time.Second, 1),
	},
	Known{
		Fault: CutNetwork{}, By: "rules on the wire",
		What:  "No frame passes between the pods and the brokers. What they sent arrives at the heal.",
		Lasts: between(time.Second, 1),
	},
)
