package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// RestartBrokers restarts all nodes, one after the other, as an upgrade does. Each stops
// cleanly, and the next one stops once all replicas are in sync again. It takes as long as
// all of that takes, and affects all partitions. It has a heal only if it failed half-way.
type RestartBrokers struct{}

// syncTimeout is how long replicas may take until they are in sync.
const syncTimeout = time.Minute

// Name implements [harness.Fault].
func (RestartBrokers) Name() string { return "rolling restart of brokers" }

// Inject implements [harness.Fault].
func (f RestartBrokers) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	whole, err := env.Brokers.InSync(ctx)
	if err != nil {
		return nil, err
	}
	env.Target = harness.Target{Name: "all brokers in turn", Partitions: allPartitions(len(whole))}
	restarted := 0
	env.Effects = func() int { return restarted }
	for _, node := range env.Cluster.Nodes() {
		env.Target.Nodes = append(env.Target.Nodes, node.ID())
		if err := restartNode(ctx, env, node, whole); err != nil {
			return startSilent(env, node), fmt.Errorf("restart %s: %w", brokerName(node.ID()), err)
		}
		restarted++
	}
	return nil, nil
}

// restartNode stops a node, sees that it does not answer, starts it, and waits for whole.
func restartNode(ctx context.Context, env *harness.Env, node harness.Node, whole [][]int32) error {
	if err := env.Cluster.(harness.NodeStopper).StopNode(ctx, node.ID()); err != nil {
		return err
	}
	if env.Brokers.AskBroker(ctx, node.ID()) == nil {
		return fmt.Errorf("it still answers after its stop")
	}
	if err := node.Start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	return retryUntil(ctx, func() error { return checkInSync(ctx, env, whole) })
}

// checkInSync returns an error if a partition has fewer replicas in sync than in whole.
func checkInSync(ctx context.Context, env *harness.Env, whole [][]int32) error {
	inSync, err := env.Brokers.InSync(ctx)
	if err != nil {
		return err
	}
	for p := range whole {
		if p >= len(inSync) || len(inSync[p]) < len(whole[p]) {
			return fmt.Errorf("partition %d has not all of %v in sync", p, whole[p])
		}
	}
	return nil
}

// Verify checks that each node was restarted and answers.
func (RestartBrokers) Verify(ctx context.Context, env *harness.Env) error {
	if n := env.Effects(); n != len(env.Cluster.Nodes()) {
		return fmt.Errorf("%d of %d brokers were restarted", n, len(env.Cluster.Nodes()))
	}
	return retryUntil(ctx, func() error {
		for _, id := range env.Target.Nodes {
			if err := env.Brokers.AskBroker(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Requires implements [harness.Requirer].
func (RestartBrokers) Requires(c harness.Cluster) error { return requireStops(c) }

var _ harness.Requirer = RestartBrokers{}

var _ = registerFault(Known{
	Fault: RestartBrokers{}, What: "One node after the other stops cleanly and starts again, each after all replicas are in sync.", By: "SIGTERM",
	Removes: ABroker, LeftOut: "no other fault can begin before its end",
})
