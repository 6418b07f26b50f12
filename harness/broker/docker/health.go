package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness/broker/wire"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	runPrefix    = "stampede-" // runPrefix begins the names of topics and groups of runs.
	checkTopic   = "health-check"
	checkGroup   = "health-check"
	offsetsTopic = "__consumer_offsets"

	produceTimeout = 5 * time.Second
)

// awaitHealthy returns when the cluster is healthy, ctx ends, or a node is lost. An
// error has the last log lines of the nodes that do not answer.
func (c *cluster) awaitHealthy(ctx context.Context) error {
	err := retryUntil(ctx, c.checkHealth)
	if err == nil || c.loss.reason() != nil {
		return err
	}
	var logs strings.Builder
	for _, n := range c.nodes {
		if _, silent := n.fetchMetadata(context.WithoutCancel(ctx)); silent != nil {
			fmt.Fprintf(&logs, "\n%v%s", silent, n.lastLines(ctx))
		}
	}
	return fmt.Errorf("%w%s", err, logs.String())
}

// checkHealth returns nil if every node runs and knows the others, every node
// sees a leader and all replicas in sync for each partition, groups have
// coordinators, and a record is acknowledged with acks=all.
func (c *cluster) checkHealth(ctx context.Context) error {
	if err := c.CheckNodes(ctx); err != nil {
		return permanentError{err}
	}
	if err := c.checkEachNode(ctx, c.lacksNodes); err != nil {
		return err
	}
	if err := c.checkFeatures(ctx); err != nil {
		return err
	}
	if err := c.createCheckTopics(ctx); err != nil {
		return err
	}
	if err := c.checkEachNode(ctx, lacksReplicas); err != nil {
		return err
	}
	return c.checkProduce(ctx)
}

// checkProduce sends a record with acks=all. Its client is new: an old one may
// remember leaders that have moved.
func (c *cluster) checkProduce(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, produceTimeout, fmt.Errorf("no answer within %v", produceTimeout))
	defer cancel()
	producer, err := newClient(c.Seeds()...)
	if err != nil {
		return err
	}
	defer producer.Close()
	err = producer.ProduceSync(ctx, &kgo.Record{Topic: checkTopic}).FirstErr()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("produce with acks=all: %w", err)
	}
	return nil
}

// checkEachNode checks the metadata of each node.
func (c *cluster) checkEachNode(ctx context.Context, check func(*kmsg.MetadataResponse) error) error {
	for _, n := range c.nodes {
		meta, err := n.fetchMetadata(ctx)
		if err != nil {
			return err
		}
		if err := check(meta); err != nil {
			return fmt.Errorf("node %d says that %w", n.id, err)
		}
	}
	return nil
}

// lacksNodes returns an error if a broker is not registered under its address.
func (c *cluster) lacksNodes(meta *kmsg.MetadataResponse) error {
	at := map[int32]string{}
	for _, b := range meta.Brokers {
		at[b.NodeID] = fmt.Sprintf("%s:%d", b.Host, b.Port)
	}
	for _, n := range c.nodes {
		if at[n.id] != n.addr() {
			return fmt.Errorf("node %d is not registered at %s", n.id, n.addr())
		}
	}
	return nil
}

// lacksReplicas returns an error if a partition has no leader or a replica out
// of sync, or if the topic of commits does not exist yet.
func lacksReplicas(meta *kmsg.MetadataResponse) error {
	offsets := false
	for _, t := range meta.Topics {
		if t.Topic == nil {
			continue
		}
		offsets = offsets || *t.Topic == offsetsTopic
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return fmt.Errorf("topic %s has error %w", *t.Topic, err)
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return fmt.Errorf("%s/%d has no leader", *t.Topic, p.Partition)
			}
			if len(p.ISR) < len(p.Replicas) {
				return fmt.Errorf("%s/%d has %v in sync of %v", *t.Topic, p.Partition, p.ISR, p.Replicas)
			}
		}
	}
	if !offsets {
		return fmt.Errorf("%s does not exist yet", offsetsTopic)
	}
	return nil
}

// createCheckTopics creates the topic that the check writes to, and the topic of
// commits. Kafka creates the latter when a client looks up a coordinator.
// Observers read it from before the first group forms.
func (c *cluster) createCheckTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	admin := kadm.NewClient(c.client)
	_, err := admin.CreateTopic(ctx, 1, -1, nil, checkTopic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", checkTopic, err)
	}
	if err := admin.FindGroupCoordinators(ctx, checkGroup).Error(); err != nil {
		return fmt.Errorf("find a coordinator: %w", err)
	}
	return nil
}

// prepareForRun makes the cluster ready for another run. It starts nodes that
// are down, deletes topics and groups of earlier runs, moves leaders back, and
// waits until all replicas are in sync.
func (c *cluster) prepareForRun(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, healthTimeout, fmt.Errorf("not healthy %v after the last run", healthTimeout))
	defer cancel()
	if err := c.CheckNodes(ctx); err != nil {
		return err
	}
	c.fronts.rules = new(wire.Rules) // a fault without a heal leaves its rules
	for _, n := range c.nodes {
		if err := n.ensureUp(ctx); err != nil {
			return err
		}
	}
	if err := c.awaitHealthy(ctx); err != nil {
		return err
	}
	if err := retryUntil(ctx, c.deleteLeftovers); err != nil {
		return err
	}
	return c.awaitHealthy(ctx)
}

// deleteLeftovers deletes what earlier runs left, and moves partitions back to
// their preferred leaders, so that each run starts on the same cluster. It fails
// while coordinators move, and can be called again.
func (c *cluster) deleteLeftovers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*requestTimeout)
	defer cancel()
	admin := kadm.NewClient(c.client)
	if err := c.deleteTopics(ctx, admin); err != nil {
		return fmt.Errorf("delete topics of earlier runs: %w", err)
	}
	if err := deleteGroups(ctx, admin); err != nil {
		return fmt.Errorf("delete groups of earlier runs: %w", err)
	}
	if _, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, nil); err != nil {
		return fmt.Errorf("elect preferred leaders: %w", err)
	}
	return nil
}

func (c *cluster) deleteTopics(ctx context.Context, admin *kadm.Client) error {
	meta, err := c.nodes[0].fetchMetadata(ctx)
	if err != nil {
		return err
	}
	var topics []string
	for _, t := range meta.Topics {
		if t.Topic != nil && strings.HasPrefix(*t.Topic, runPrefix) {
			topics = append(topics, *t.Topic)
		}
	}
	if len(topics) == 0 {
		return nil
	}
	deleted, err := admin.DeleteTopics(ctx, topics...)
	if err != nil {
		return err
	}
	for _, t := range deleted {
		if t.Err != nil && !errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("topic %s: %w", t.Topic, t.Err)
		}
	}
	return nil
}

func deleteGroups(ctx context.Context, admin *kadm.Client) error {
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(groups.Groups(), func(g string) bool { return !strings.HasPrefix(g, runPrefix) })
	if len(ours) == 0 {
		return nil
	}
	deleted, err := admin.DeleteGroups(ctx, ours...)
	if err != nil {
		return err
	}
	for _, g := range deleted {
		// A group whose members have not expired yet is empty before the next run.
		if g.Err != nil && !errors.Is(g.Err, kerr.GroupIDNotFound) && !errors.Is(g.Err, kerr.NonEmptyGroup) {
			return fmt.Errorf("group %s: %w", g.Group, g.Err)
		}
	}
	return nil
}
