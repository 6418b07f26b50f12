package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// moveTimeout bounds a move of leaders.
const moveTimeout = 30 * time.Second

// MoveLeaders implements [harness.LeaderMover]. Each new leader becomes the first replica, and
// then the preferred replicas are elected.
func (c *cluster) MoveLeaders(ctx context.Context, topic string, leaders []int32) error {
	ctx, cancel := context.WithTimeoutCause(ctx, moveTimeout, fmt.Errorf("not moved after %v", moveTimeout))
	defer cancel()
	admin := kadm.NewClient(c.client)
	err := c.reassign(ctx, admin, topic, leaders)
	if err == nil {
		err = retryUntil(ctx, func(ctx context.Context) error { return electPreferred(ctx, admin, topic, leaders) })
	}
	if err != nil {
		return fmt.Errorf("move leaders of topic %s: %w", topic, err)
	}
	return nil
}

// reassign puts each new leader first among the replicas.
func (c *cluster) reassign(ctx context.Context, admin *kadm.Client, topic string, leaders []int32) error {
	now, err := listPartitions(ctx, admin, topic)
	if err != nil {
		return err
	}
	var req kadm.AlterPartitionAssignmentsReq
	for p, d := range now {
		to := leaders[p]
		if !slices.Contains(d.Replicas, to) {
			return fmt.Errorf("node %d has no replica of partition %d", to, p)
		}
		replicas := []int32{to}
		for _, id := range d.Replicas {
			if id != to {
				replicas = append(replicas, id)
			}
		}
		req.Assign(topic, p, replicas)
	}
	responses, err := admin.AlterPartitionAssignments(ctx, req)
	if err == nil {
		err = responses.Error()
	}
	return err
}

// electPreferred elects the first replicas, and returns an error until all lead.
func electPreferred(ctx context.Context, admin *kadm.Client, topic string, leaders []int32) error {
	var set kadm.TopicsSet
	for p := range leaders {
		set.Add(topic, int32(p))
	}
	results, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, set)
	if err != nil {
		return err
	}
	for _, r := range results[topic] {
		if r.Err != nil && !errors.Is(r.Err, kerr.ElectionNotNeeded) {
			return fmt.Errorf("partition %d: %w", r.Partition, r.Err)
		}
	}
	now, err := listPartitions(ctx, admin, topic)
	if err != nil {
		return err
	}
	for p, d := range now {
		if d.Leader != leaders[p] {
			return fmt.Errorf("node %d leads partition %d, not node %d", d.Leader, p, leaders[p])
		}
	}
	return nil
}

func listPartitions(ctx context.Context, admin *kadm.Client, topic string) (kadm.PartitionDetails, error) {
	meta, err := admin.Metadata(ctx, topic)
	if err != nil {
		return nil, err
	}
	return meta.Topics[topic].Partitions, meta.Topics[topic].Err
}
