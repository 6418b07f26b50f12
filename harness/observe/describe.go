package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/stampede-bench/stampede/harness"
)

// describeGroups describes the groups whose coordinator writes no records that can be
// decoded. These are the run's group, if it is a KIP-848 or a share group, and the
// KIP-848 groups that a consumer with side topics has of its own.
func (w *Watcher) describeGroups(ctx context.Context) ([]harness.Group, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c := w.cfg.Client
	var groups []harness.Group
	if w.cfg.Share {
		g, err := c.describeShare(ctx)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	var names []string
	if w.cfg.OwnGroups {
		own, err := c.ownGroups(ctx)
		if err != nil {
			return nil, err
		}
		names = own
	}
	if w.cfg.Protocol == harness.Server && !w.cfg.Share {
		names = append(names, c.Group)
	}
	if len(names) == 0 {
		return groups, nil
	}
	described, err := c.adm.DescribeConsumerGroups(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe groups %s: %w", strings.Join(names, ", "), err)
	}
	for _, d := range described.Sorted() {
		// For a classic group Kafka responds as for one that does not exist.
		if errors.Is(d.Err, kerr.GroupIDNotFound) {
			continue
		}
		if d.Err != nil {
			return nil, fmt.Errorf("describe group %s: %w", d.Group, d.Err)
		}
		groups = append(groups, consumerGroup(d))
	}
	return groups, nil
}

// ownGroups are the groups of the consumer's own that exist.
func (c *Client) ownGroups(ctx context.Context) ([]string, error) {
	listed, err := c.adm.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("groups of the run: %w", err)
	}
	return slices.DeleteFunc(listed.Groups(), func(name string) bool {
		return name == c.Group || !strings.HasPrefix(name, c.Group)
	}), nil
}

func consumerGroup(d kadm.DescribedConsumerGroup) harness.Group {
	g := harness.Group{Name: d.Group, Generation: d.Epoch, State: d.State}
	for _, m := range d.Members {
		g.Members = append(g.Members, harness.Member{ID: m.MemberID, ClientID: m.ClientID, Partitions: partitionLists(m.Assignment)})
	}
	return g
}

func partitionLists(assignment kadm.TopicsSet) map[string][]int32 {
	lists := map[string][]int32{}
	for topic, partitions := range assignment {
		for p := range partitions {
			lists[topic] = append(lists[topic], p)
		}
	}
	return lists
}

// describeShare describes the run's group as a share group.
func (c *Client) describeShare(ctx context.Context) (harness.Group, error) {
	described, err := c.adm.DescribeShareGroups(ctx, c.Group)
	d := described[c.Group]
	if err == nil {
		err = d.Err
	}
	g := harness.Group{Name: c.Group, Generation: d.GroupEpoch, State: d.GroupState}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // not formed yet
		return g, fmt.Errorf("describe share group %s: %w", c.Group, err)
	}
	for _, m := range d.Members {
		g.Members = append(g.Members, harness.Member{ID: m.MemberID, ClientID: m.ClientID, Partitions: partitionLists(m.Assignment)})
	}
	return g, nil
}
