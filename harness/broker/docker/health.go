package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	runPrefix    = "stampede-" // of topics and groups of runs
	checkTopic   = "health-check"
	checkGroup   = "health-check"
	offsetsTopic = "__consumer_offsets"

	produceTimeout = 5 * time.Second
)

// await returns once the cluster is healthy, or ctx ends, or a node does: then
// the error has the last lines of the nodes at fault.
func (c *cluster) await(ctx context.Context) error {
	err := until(ctx, c.healthy)
	if err == nil {
		return nil
	}
	var logs strings.Builder
	for _, n := range c.nodes {
		if _, silent := n.metadata(context.WithoutCancel(ctx)); silent != nil {
			fmt.Fprintf(&logs, "\n%v%s", silent, n.lastLines(ctx))
		}
	}
	return fmt.Errorf("%w%s", err, logs.String())
}

// healthy is nil if every node runs and knows every other, every partition has
// its leader and all its replicas in sync in the eyes of every node, groups
// have their coordinators, and a record is taken with acks=all.
func (c *cluster) healthy(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.alive(ctx); err != nil {
			return err
		}
	}
	if err := c.eachSees(ctx, c.lacksNodes); err != nil {
		return err
	}
	if err := c.featured(ctx); err != nil {
		return err
	}
	if err := c.seed(ctx); err != nil {
		return err
	}
	if err := c.eachSees(ctx, lacksReplicas); err != nil {
		return err
	}
	return c.takesRecords(ctx)
}

// takesRecords has a record acknowledged with acks=all, by a client that knows
// nothing from before: what one remembers of leaders that moved is not at issue.
func (c *cluster) takesRecords(ctx context.Context) error {
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

// eachSees holds the metadata of each node to a complaint.
func (c *cluster) eachSees(ctx context.Context, complaint func(*kmsg.MetadataResponse) error) error {
	for _, n := range c.nodes {
		meta, err := n.metadata(ctx)
		if err != nil {
			return err
		}
		if err := complaint(meta); err != nil {
			return fmt.Errorf("node %d says that %w", n.id, err)
		}
	}
	return nil
}

// lacksNodes complains of brokers that are not registered under their address.
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

// lacksReplicas complains of partitions without a leader or with replicas out
// of sync, and where there is no topic of commits yet.
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
		return fmt.Errorf("%s is not there yet", offsetsTopic)
	}
	return nil
}

// seed makes the topic that the check writes to, and the topic of commits: it
// comes into being when somebody asks for a coordinator, and observers read it
// from before the first group forms.
func (c *cluster) seed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
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

// refresh makes the cluster ready for another run: nodes that are down come
// back, topics and groups of earlier runs go, leaders return to where they
// were, and all is in sync.
func (c *cluster) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, healthTimeout, fmt.Errorf("not healthy %v after the last run", healthTimeout))
	defer cancel()
	for _, n := range c.nodes {
		state, err := n.state(ctx)
		if err != nil {
			return fmt.Errorf("node %d: %w", n.id, err)
		}
		if !state.Running {
			if err := n.Start(ctx); err != nil {
				return err
			}
		}
	}
	if err := c.await(ctx); err != nil {
		return err
	}
	if err := until(ctx, c.tidy); err != nil {
		return err
	}
	return c.await(ctx)
}

// tidy deletes what runs left and gives partitions back to the leaders they
// started with, so that no run inherits a lopsided cluster. While coordinators
// move it fails, and is to be called again.
func (c *cluster) tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*askTimeout)
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
	meta, err := c.nodes[0].metadata(ctx)
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
		// One whose members have not timed out yet is empty by the next run.
		if g.Err != nil && !errors.Is(g.Err, kerr.GroupIDNotFound) && !errors.Is(g.Err, kerr.NonEmptyGroup) {
			return fmt.Errorf("group %s: %w", g.Group, g.Err)
		}
	}
	return nil
}
