package fault

import (
	"cmp"
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// CutResponses resets connections of pods in the middle of some responses. The broker has
// handled the request, and the pod gets the first bytes of the response. Its heal ends that.
type CutResponses struct {
	After int // After is how many bytes pass, the length of the response included. 0: 20.
	Every int // Every is how many responses to a pod pass from one cut to the next. 0: 10.
	Of    Scope
}

// Name implements [harness.Fault].
func (f CutResponses) Name() string { return "cut responses short" + f.Of.String() }

// Inject implements [harness.Fault].
func (f CutResponses) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	return f.Of.applyRules(ctx, env, "responses to", harness.Rule{
		Key: harness.AnyKey, OnResponse: true, Every: cmp.Or(f.Every, 10), Then: harness.WireReset, CutAfter: cmp.Or(f.After, 20),
	})
}

// Verify waits until a response is cut.
func (CutResponses) Verify(ctx context.Context, env *harness.Env) error {
	return awaitEffect(ctx, env, "no response was cut")
}

// Requires implements [harness.Requirer].
func (CutResponses) Requires(c harness.Cluster) error { return requireRules(c) }

var _ harness.Requirer = CutResponses{}

var _ = registerFault(Known{
	Fault: CutResponses{}, By: "a rule on the wire",
	What:  "A connection of each pod is reset after 20 bytes of every tenth response.",
	Lasts: between(time.Second, 1),
})
