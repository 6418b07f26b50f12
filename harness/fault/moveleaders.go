package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
)

// MoveLeaders gives each partition another leader while all nodes run, as the balancing of a
// cluster does. It affects all partitions and ends by itself.
type MoveLeaders struct{}

// Name implements [harness.Fault].
func (MoveLeaders) Name() string { return "move leaders" }

// Inject implements [harness.Fault]. The next broker by id leads each partition.
func (f MoveLeaders) Inject(ctx context.Context, env *harness.Env) (heal func(context.Context) error, err error) {
	if err := f.Requires(env.Cluster); err != nil {
		return nil, err
	}
	before, err := env.Log.Leaders(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the leaders: %w", err)
	}
	var ids []int32
	for _, n := range env.Cluster.Nodes() {
		ids = append(ids, n.ID())
	}
	to := make([]int32, len(before))
	for p, leader := range before {
		to[p] = ids[(slices.Index(ids, leader)+1)%len(ids)]
	}
	env.Target = harness.Target{Name: "all leaders", Partitions: allPartitions(len(before))}
	moved := 0
	env.Effects = func() int { return moved }
	if err := env.Cluster.(harness.LeaderMover).MoveLeaders(ctx, env.Topic, to); err != nil {
		return nil, err
	}
	moved, err = countMoved(ctx, env, before)
	return nil, err
}

// countMoved counts the partitions with another leader than before. A broker may know the new
// leader a moment later.
func countMoved(ctx context.Context, env *harness.Env, before []int32) (moved int, err error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	err = retryUntil(ctx, func() error {
		now, err := env.Log.Leaders(ctx)
		if err != nil {
			return err
		}
		moved = 0
		for p := range before {
			if p < len(now) && now[p] >= 0 && now[p] != before[p] {
				moved++
			}
		}
		if moved < len(before) {
			return fmt.Errorf("%d of %d partitions have the leader that they had", len(before)-moved, len(before))
		}
		return nil
	})
	return moved, err
}

// Verify checks that leaders moved.
func (MoveLeaders) Verify(_ context.Context, env *harness.Env) error {
	if env.Effects() == 0 {
		return errors.New("no leader has moved")
	}
	return nil
}

// Requires implements [harness.Requirer].
func (MoveLeaders) Requires(c harness.Cluster) error {
	return requireAbility[harness.LeaderMover](c, "move leaders")
}

var _ harness.Requirer = MoveLeaders{}

var _ = registerFault(Known{
	Fault: MoveLeaders{}, What: "Each partition gets another leader while all nodes run.", By: "AlterPartitionReassignments and ElectLeaders; in a model by its own call",
	Removes: ABroker, Lasts: between(0, 0),
})
