package fault

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// StopBroker stops a node cleanly: it hands over what it leads, and ends. Its heal starts
// the node again.
type StopBroker struct{ Of BrokerChoice }

// Name implements [harness.Fault].
func (f StopBroker) Name() string { return f.Of.nameAfter("stop") }

// Inject implements [harness.Fault]. With an error it also returns the heal if the node may
// be down.
func (f StopBroker) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	node, err := f.Of.choose(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := env.Cluster.(harness.NodeStopper).StopNode(ctx, node.ID()); err != nil {
		return startSilent(env, node), err
	}
	return node.Start, nil
}

// Verify waits until the node does not answer and leads nothing.
func (StopBroker) Verify(ctx context.Context, env *harness.Env) error {
	return errors.Join(verifySilent(ctx, env), verifyMoved(ctx, env))
}

// Requires implements [harness.Requirer].
func (StopBroker) Requires(c harness.Cluster) error { return requireStops(c) }

func requireStops(c harness.Cluster) error {
	return requireAbility[harness.NodeStopper](c, "stop a broker cleanly")
}

var _ harness.Requirer = StopBroker{}

var _ = registerFault(Known{
	Fault: StopBroker{}, What: "The node that leads the fullest partition hands over and ends, and starts again.", By: "SIGTERM",
	Removes: ABroker, Lasts: between(time.Second, 2),
}, Known{
	Fault: StopBroker{Of: GroupCoordinator}, What: "The node that keeps the group hands over and ends, and starts again.", By: "SIGTERM",
	Removes: ABroker, Lasts: between(time.Second, 2),
})
