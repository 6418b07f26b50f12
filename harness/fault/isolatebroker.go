package fault

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// IsolateBroker cuts a node off from its peers or from all clients, while the other side
// reaches it. Cut off from its peers, it loses its leaders after its session and does not
// know it: clients may still ask it. Cut off from clients, it leads on, and nothing moves.
// Its heal connects the node again.
type IsolateBroker struct {
	Of   BrokerChoice
	From harness.Side
}

// Name implements [harness.Fault].
func (f IsolateBroker) Name() string { return f.Of.nameAfter("isolate") + " from " + f.From.String() }

// Inject implements [harness.Fault]. With an error it also returns the heal if the node may
// be cut off.
func (f IsolateBroker) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	node, err := f.Of.choose(ctx, env)
	if err != nil {
		return nil, err
	}
	env.Target.Silent = f.From == harness.Clients
	c := env.Cluster.(harness.NodeIsolator)
	reconnect := func(ctx context.Context) error { return c.ReconnectNode(ctx, node.ID()) }
	return reconnect, c.IsolateNode(ctx, node.ID(), f.From)
}

// Verify waits until clients get no answer, or until the peers have taken over while clients
// still get answers.
func (f IsolateBroker) Verify(ctx context.Context, env *harness.Env) error {
	if f.From == harness.Clients {
		return verifySilent(ctx, env)
	}
	if err := verifyMoved(ctx, env); err != nil {
		return err
	}
	return retryUntil(ctx, func() error { return env.Brokers.AskBroker(ctx, env.Target.Nodes[0]) })
}

// Requires implements [harness.Requirer].
func (f IsolateBroker) Requires(c harness.Cluster) error {
	i, ok := c.(harness.NodeIsolator)
	if !ok {
		return errors.New("this back end cannot cut a broker off")
	}
	return i.CanIsolate(f.From)
}

var _ harness.Requirer = IsolateBroker{}

var _ = registerFault(Known{
	Fault: IsolateBroker{From: harness.Peers}, What: "The node that leads the fullest partition loses its peers and keeps its clients.", By: "packet filters in its container",
	Removes: ABroker, Lasts: between(time.Second, 2),
}, Known{
	Fault: IsolateBroker{From: harness.Clients}, What: "The node that leads the fullest partition loses its clients and keeps its peers.", By: "packet filters in its container; in a model its connections stand still",
	Removes: ABroker, Lasts: between(time.Second, 1.5),
}, Known{
	Fault: IsolateBroker{Of: GroupCoordinator, From: harness.Clients}, What: "The node that keeps the group loses its clients and keeps its peers.", By: "packet filters in its container; in a model its connections stand still",
	Removes: ABroker, Lasts: between(time.Second, 1.5),
})
