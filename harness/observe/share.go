package observe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

// ConfigureShareGroup makes the group a share group before its members join. The group
// begins at the start of the log, locks acquired records for a time, and delivers each
// record at most that often. After this call [Client.Committed] describes a share group.
func (c *Client) ConfigureShareGroup(ctx context.Context, cluster harness.Cluster, lock time.Duration, deliveries int) error {
	c.share = true
	if own, ok := cluster.(harness.ShareConfigurer); ok {
		return own.ConfigureShareGroup(ctx, c.Group, lock, deliveries)
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	group := kmsg.NewIncrementalAlterConfigsRequestResource()
	group.ResourceType, group.ResourceName = kmsg.ConfigResourceTypeGroupConfig, c.Group
	for _, set := range [][2]string{
		{"share.auto.offset.reset", "earliest"}, {"share.record.lock.duration.ms", strconv.FormatInt(lock.Milliseconds(), 10)},
		{"share.delivery.count.limit", strconv.Itoa(deliveries)},
	} {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value = set[0], &set[1]
		group.Configs = append(group.Configs, config)
	}
	req.Resources = append(req.Resources, group)
	resp, err := req.RequestWith(ctx, c.kgo)
	if err != nil {
		return fmt.Errorf("configure share group %s: %w", c.Group, err)
	}
	for _, r := range resp.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			why := ""
			if r.ErrorMessage != nil {
				why = *r.ErrorMessage
			}
			return fmt.Errorf("configure share group %s: %w: %s", c.Group, err, why)
		}
	}
	return nil
}

// raiseToShareStarts raises commits to the start offsets of a share group: all records
// below are acknowledged, or were delivered as often as allowed. Kafka's start offset
// lags until the next write of the group's state. But where the lag is 0, all records
// that the log had before are acknowledged.
func (c *Client) raiseToShareStarts(ctx context.Context, committed [][]int64, topics []Topic) error {
	ends := map[string][]int64{}
	for _, t := range topics {
		var err error
		if ends[t.Name], err = c.Ends(ctx, t); err != nil {
			return err
		}
	}
	described, err := c.adm.DescribeShareGroupOffsets(ctx, c.Group)
	if err == nil {
		err = described[c.Group].Err
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("start offsets of share group %s: %w", c.Group, err)
	}
	raiseCommits(committed, topics, func(topic string, partition int32) (int64, bool) {
		o, ok := described[c.Group].Offsets.Lookup(topic, partition)
		if !ok || o.Err != nil {
			return 0, false
		}
		if o.StartOffset >= 0 && o.Lag == 0 {
			return ends[topic][partition], true
		}
		return o.StartOffset, true
	})
	return nil
}

// raiseToCommits raises commits to those of a group.
func (c *Client) raiseToCommits(ctx context.Context, group string, committed [][]int64, topics []Topic) error {
	var rs kadm.OffsetResponses
	rs, err := c.adm.FetchOffsets(ctx, group)
	if err == nil {
		err = rs.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("commits of group %s: %w", group, err)
	}
	raiseCommits(committed, topics, func(topic string, partition int32) (int64, bool) {
		o, ok := rs.Lookup(topic, partition-int32(c.firstPartition(topic)))
		if topic == c.Topic && group != c.Group {
			ok = false // a consumer's own group reads the source again, which decides nothing
		}
		return o.At, ok
	})
	return nil
}

func raiseCommits(committed [][]int64, topics []Topic, lookup func(topic string, partition int32) (int64, bool)) {
	for i, t := range topics {
		for p := range committed[i] {
			if at, ok := lookup(t.Name, int32(p)); ok {
				committed[i][p] = max(committed[i][p], at)
			}
		}
	}
}
