package fault

import (
	"cmp"
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// ThrottleNetwork limits the bytes a second of each pod, counted apart for what it sends and
// for what it gets. All its connections share them. Its heal ends that.
type ThrottleNetwork struct {
	BytesPerSecond int // BytesPerSecond 0: 16 KiB.
	Of             Scope
}

// Name implements [harness.Fault].
func (f ThrottleNetwork) Name() string { return "throttle network" + f.Of.String() }

// Inject implements [harness.Fault].
func (f ThrottleNetwork) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	there := harness.Rule{Key: harness.AnyKey, BytesPerSecond: cmp.Or(f.BytesPerSecond, 16<<10)}
	back := there
	back.OnResponse = true
	return f.Of.applyRules(ctx, env, "the network of", there, back)
}

// Verify waits until a frame meets the limit.
func (ThrottleNetwork) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no request and no response met the limit")
}

// Requires implements [harness.Requirer].
func (ThrottleNetwork) Requires(c harness.Cluster) error { return requireRules(c) }

var _ harness.Requirer = ThrottleNetwork{}

var _ = registerFault(Known{
	Fault: ThrottleNetwork{}, By: "rules on the wire",
	What:  "Each pod sends and gets at most 16 KiB a second.",
	Lasts: between(time.Second, 2),
})
