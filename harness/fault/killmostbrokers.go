package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
)

// KillMostBrokers ends all nodes but one, as SIGKILL would. The one left is random. With a
// quorum of controllers it elects no leader alone. It affects all partitions. Its heal
// starts the nodes again.
type KillMostBrokers struct{}

// Name implements [harness.Fault].
func (KillMostBrokers) Name() string { return "kill all brokers but one" }

// Inject implements [harness.Fault].
func (KillMostBrokers) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	leaders, err := env.Log.Leaders(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the leaders: %w", err)
	}
	nodes := env.Cluster.Nodes()
	left := env.Rand.IntN(len(nodes))
	nodes = append(nodes[:left:left], nodes[left+1:]...)
	env.Target = harness.Target{Name: "all brokers but one", Silent: true, Partitions: allPartitions(len(leaders))}
	var killed []harness.Node
	for _, n := range nodes {
		env.Target.Nodes = append(env.Target.Nodes, n.ID())
		if err := n.Kill(ctx); err != nil {
			return startSilent(env, nodes...), fmt.Errorf("kill %s: %w", brokerName(n.ID()), err)
		}
		killed = append(killed, n)
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, n := range killed {
			errs = append(errs, n.Start(ctx))
		}
		return errors.Join(errs...)
	}, nil
}

// Verify waits until none of the nodes answers.
func (KillMostBrokers) Verify(ctx context.Context, env *harness.Env) error {
	return verifySilent(ctx, env)
}

var _ harness.Fault = KillMostBrokers{}

var _ = registerFault(Known{
	Fault: KillMostBrokers{}, What: "All nodes but one end at once, and start again.", By: "SIGKILL",
	Removes: ABroker, LeftOut: "it takes more than one broker away",
})
