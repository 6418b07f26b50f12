package fault

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// PauseBroker pauses a node, as a long garbage collection or a frozen machine does. Its
// connections stay open. The others lead what it led after its session. Its heal resumes
// the node, which does not know that it was replaced.
type PauseBroker struct{ Of BrokerChoice }

// Name implements [harness.Fault].
func (f PauseBroker) Name() string { return f.Of.nameAfter("pause") }

// Inject implements [harness.Fault]. With an error it also returns the heal if the node may
// be paused.
func (f PauseBroker) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	node, err := f.Of.choose(ctx, env)
	if err != nil {
		return nil, err
	}
	env.Target.Silent = true
	p := env.Cluster.(harness.NodePauser)
	resume := func(ctx context.Context) error { return p.ResumeNode(ctx, node.ID()) }
	return resume, p.PauseNode(ctx, node.ID())
}

// Verify waits until the node does not answer.
func (PauseBroker) Verify(ctx context.Context, env *harness.Env) error { return verifySilent(ctx, env) }

// Requires implements [harness.Requirer].
func (PauseBroker) Requires(c harness.Cluster) error {
	return requireAbility[harness.NodePauser](c, "pause a broker")
}

var _ harness.Requirer = PauseBroker{}

var _ = registerFault(Known{
	Fault: PauseBroker{}, What: "The node that leads the fullest partition stands still, and goes on.", By: "the freezer of its container; in a model its connections stand still",
	Removes: ABroker, Lasts: between(time.Second, 1.5),
}, Known{
	Fault: PauseBroker{Of: GroupCoordinator}, What: "The node that keeps the group stands still, and goes on.", By: "the freezer of its container; in a model its connections stand still",
	Removes: ABroker, Lasts: between(time.Second, 1.5),
})
