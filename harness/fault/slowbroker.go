package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// SlowBroker makes a node slow for all clients and for its peers. It stays alive, so no leader
// need move. Its heal makes the node as fast as before.
type SlowBroker struct{ Of BrokerChoice }

// Name implements [harness.Fault].
func (f SlowBroker) Name() string { return f.Of.nameAfter("slow down") }

// Inject implements [harness.Fault]. With an error it also returns the heal if the node may
// be slow.
func (f SlowBroker) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	node, err := f.Of.choose(ctx, env)
	if err != nil {
		return nil, err
	}
	env.Target.Silent = true
	c := env.Cluster.(harness.NodeSlower)
	return func(ctx context.Context) error { return c.SpeedUpNode(ctx, node.ID()) }, c.SlowNode(ctx, node.ID())
}

// Verify waits until the node has had to wait.
func (f SlowBroker) Verify(ctx context.Context, env *harness.Env) error {
	id := env.Target.Nodes[0]
	return retryUntil(ctx, func() error {
		waits, err := env.Cluster.(harness.NodeSlower).CountWaits(ctx, id)
		if err == nil && waits == 0 {
			err = fmt.Errorf("%s has not had to wait", brokerName(id))
		}
		return err
	})
}

// Requires implements [harness.Requirer].
func (SlowBroker) Requires(c harness.Cluster) error {
	return requireAbility[harness.NodeSlower](c, "slow a broker down")
}

var _ harness.Requirer = SlowBroker{}

var _ = registerFault(Known{
	Fault: SlowBroker{}, What: "The node that leads the fullest partition gets little CPU.", By: "the CPU quota of its container; in a model each of its responses waits",
	Removes: ABroker, Lasts: between(time.Second, 2),
})
