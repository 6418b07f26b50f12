package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// KillBroker ends a node as SIGKILL would: the leader of the partition with the
// most appended records. It affects all partitions of that leader. Its heal
// starts the node again.
type KillBroker struct{}

// Name implements [harness.Fault].
func (KillBroker) Name() string { return "kill broker" }

// Inject implements [harness.Fault]. With an error it also returns the heal if
// the node may be down.
func (KillBroker) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	leaders, err := env.Log.Leaders(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the leaders: %w", err)
	}
	id, ok := leaderOfBusiest(env.Log.Appended(), leaders)
	if !ok {
		return nil, fmt.Errorf("no partition has a leader")
	}
	for _, node := range env.Cluster.Nodes() {
		if node.ID() != id {
			continue
		}
		env.Target = harness.Target{Name: brokerName(id), Partitions: partitionsLedBy(id, leaders)}
		if err := node.Kill(ctx); err != nil {
			return node.Start, fmt.Errorf("kill %s: %w", env.Target.Name, err)
		}
		return node.Start, nil
	}
	return nil, fmt.Errorf("the leader, %s, is not a node of the cluster", brokerName(id))
}

// Verify waits until every affected partition has another leader.
func (KillBroker) Verify(ctx context.Context, env *harness.Env) error {
	return retryUntil(ctx, func() error {
		leaders, err := env.Log.Leaders(ctx)
		if err != nil {
			return err
		}
		return checkAllMoved(env.Target, leaders)
	})
}

func checkAllMoved(target harness.Target, leaders []int32) error {
	for _, p := range target.Partitions {
		switch {
		case int(p) >= len(leaders) || leaders[p] < 0:
			return fmt.Errorf("partition %d has no leader", p)
		case brokerName(leaders[p]) == target.Name:
			return fmt.Errorf("%s still leads partition %d", target.Name, p)
		}
	}
	return nil
}

// leaderOfBusiest returns the leader of the partition with the most records. Of
// equal partitions the lowest counts. Partitions without a leader are ignored.
func leaderOfBusiest(appended []int64, leaders []int32) (id int32, ok bool) {
	most := int64(-1)
	for p, leader := range leaders {
		if leader >= 0 && p < len(appended) && appended[p] > most {
			most, id, ok = appended[p], leader, true
		}
	}
	return id, ok
}

func partitionsLedBy(id int32, leaders []int32) (partitions []int32) {
	for p, leader := range leaders {
		if leader == id {
			partitions = append(partitions, int32(p))
		}
	}
	return partitions
}

func brokerName(id int32) string { return fmt.Sprintf("broker %d", id) }

var _ harness.Fault = KillBroker{}

var _ = registerFault(Known{
	Fault: KillBroker{}, What: "The node that leads the fullest partition ends, and starts again.", By: "SIGKILL",
	Removes: ABroker, Lasts: between(time.Second, 2),
})
