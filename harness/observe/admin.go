package observe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/stampede-bench/stampede/harness"
)

// checkTopicEvery is how often a change of the topic is looked for.
const checkTopicEvery = 20 * time.Millisecond

// Offsets are the first offset and the end of each partition of the source that exists.
func (c *Client) Offsets(ctx context.Context) (starts, ends []int64, err error) {
	listed := map[bool]kadm.ListedOffsets{}
	for _, first := range []bool{true, false} {
		list := c.adm.ListEndOffsets
		if first {
			list = c.adm.ListStartOffsets
		}
		o, err := list(ctx, c.Topic)
		if err == nil {
			err = o.Error()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("offsets of %s: %w", c.Topic, err)
		}
		listed[first] = o
	}
	for p := int32(0); ; p++ {
		start, has := listed[true].Lookup(c.Topic, p)
		end, hasEnd := listed[false].Lookup(c.Topic, p)
		if !has || !hasEnd {
			return starts, ends, nil
		}
		starts, ends = append(starts, start.Offset), append(ends, end.Offset)
	}
}

// DeleteRecords deletes the records of the source below an offset of each partition.
func (c *Client) DeleteRecords(ctx context.Context, below map[int32]int64) error {
	var offsets kadm.Offsets
	for p, offset := range below {
		offsets.AddOffset(c.Topic, p, offset, -1)
	}
	deleted, err := c.adm.DeleteRecords(ctx, offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete records of %s: %w", c.Topic, err)
	}
	return nil
}

// AddPartitions adds n partitions to the source, and returns when each has a leader.
func (c *Client) AddPartitions(ctx context.Context, n int) error {
	leaders, err := c.Leaders(ctx)
	if err != nil {
		return fmt.Errorf("add partitions: %w", err)
	}
	want := len(leaders) + n
	// The total in the request makes a retry harmless: Kafka refuses it if it has been done.
	answers, err := c.adm.UpdatePartitions(ctx, want, c.Topic)
	if err == nil {
		err = answers.Error()
	}
	if err != nil && !errors.Is(err, kerr.InvalidPartitions) {
		return fmt.Errorf("add partitions to %s: %w", c.Topic, err)
	}
	return pollUntil(ctx, checkTopicEvery, func() (bool, error) {
		leaders, err := c.Leaders(ctx)
		if err != nil || len(leaders) != want {
			return false, err
		}
		for p, l := range leaders {
			if l < 0 {
				return false, fmt.Errorf("partition %d of %s has no leader", p, c.Topic)
			}
		}
		return true, nil
	})
}

// Commits is the group's commit of each of the first partitions of the source, -1 without
// one.
func (c *Client) Commits(ctx context.Context, partitions int) ([]int64, error) {
	commits := make([]int64, partitions)
	for p := range commits {
		commits[p] = -1
	}
	fetched, err := c.adm.FetchOffsets(ctx, c.Group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return commits, nil
	}
	if err != nil {
		return nil, fmt.Errorf("commits of %s: %w", c.Group, err)
	}
	for p := range commits {
		if o, ok := fetched.Lookup(c.Topic, int32(p)); ok && o.Err == nil {
			commits[p] = o.At
		}
	}
	return commits, nil
}

// Members are the members of the run's group, if it is a classic one.
func (c *Client) Members(ctx context.Context) (members []harness.Member, err error) {
	described, err := c.adm.DescribeGroups(ctx, c.Group)
	if err == nil {
		err = described.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("members of %s: %w", c.Group, err)
	}
	for _, m := range described[c.Group].Members {
		member := harness.Member{ID: m.MemberID, ClientID: m.ClientID, Partitions: map[string][]int32{}}
		if assigned, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range assigned.Topics {
				member.Partitions[t.Topic] = t.Partitions
			}
		}
		if m.InstanceID != nil {
			member.InstanceID = *m.InstanceID
		}
		members = append(members, member)
	}
	return members, nil
}

// DeleteGroup deletes the run's group with its commits.
func (c *Client) DeleteGroup(ctx context.Context) error {
	deleted, err := c.adm.DeleteGroups(ctx, c.Group)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete group %s: %w", c.Group, err)
	}
	return nil
}
