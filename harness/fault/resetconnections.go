package fault

import (
	"cmp"
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// ResetConnections resets connections of pods at some of their requests and responses. A
// request then never reaches the broker. A response never reaches the pod, though the broker
// has handled the request. Its heal ends that.
type ResetConnections struct {
	Every int // Every is how many frames of a pod pass from one reset to the next, on either side. 0: 20.
	Of    Scope
}

// Name implements [harness.Fault].
func (f ResetConnections) Name() string { return "reset connections" + f.Of.String() }

// Inject implements [harness.Fault].
func (f ResetConnections) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	there := harness.Rule{Key: harness.AnyKey, Every: cmp.Or(f.Every, 20), Then: harness.WireReset}
	back := there
	back.OnResponse, back.Skip = true, there.Every/2
	return f.Of.applyRules(ctx, env, "the network of", there, back)
}

// Verify waits until a connection is reset.
func (ResetConnections) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no connection was reset")
}

// Requires implements [harness.Requirer].
func (ResetConnections) Requires(c harness.Cluster) error { return requireRules(c) }

var _ harness.Requirer = ResetConnections{}

var _ = registerFault(Known{
	Fault: ResetConnections{}, By: "rules on the wire",
	What:  "A connection of each pod is reset at every 20th request, and at every 20th response.",
	Lasts: between(time.Second, 1),
})
