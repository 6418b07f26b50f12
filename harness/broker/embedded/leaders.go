package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// partition is a partition of any topic, with its leader at the time of the
// request.
type partition struct {
	topic    string
	id       int32
	leader   int32
	replicas int
}

// TopicCreated spreads the leaders of a new topic over the living nodes in turn,
// partition 0 on the first. kfake places them at random, so that a node may lead
// nothing. Call it once after the topic was created and before it is used. It
// fails if there is no such topic.
func (c *Cluster) TopicCreated(ctx context.Context, topic string) error {
	done, err := c.use()
	if err == nil {
		defer done()
		err = ctx.Err()
	}
	if err == nil {
		err = c.spreadLeaders(topic, 0)
	}
	if err != nil {
		return fmt.Errorf("spread leaders of topic %s: %w", topic, err)
	}
	c.timestamps.noteTopic(c.kfake, topic)
	return nil
}

// PartitionsAdded does the same for partitions that were added to a topic, of which first is
// the lowest. The others keep their leaders. So a run in virtual time can be made again.
func (c *Cluster) PartitionsAdded(ctx context.Context, topic string, first int32) error {
	done, err := c.use()
	if err == nil {
		defer done()
		err = ctx.Err()
	}
	if err == nil {
		err = c.spreadLeaders(topic, first)
	}
	if err != nil {
		return fmt.Errorf("spread leaders of partitions added to topic %s: %w", topic, err)
	}
	return nil
}

// spreadLeaders spreads the leaders of the partitions of a topic from first on.
func (c *Cluster) spreadLeaders(topic string, first int32) error {
	c.topology <- struct{}{}
	defer func() { <-c.topology }()
	up := c.livingNodes()
	if len(up) == 0 {
		return errors.New("no node is up")
	}
	infos := c.kfake.PartitionInfos(topic)
	if infos == nil {
		return errors.New("there is no such topic")
	}
	for _, info := range infos {
		if info.Partition < first {
			continue
		}
		to := up[int(info.Partition)%len(up)].id
		if err := c.moveLeader(partition{topic: topic, id: info.Partition, leader: info.Leader}, to); err != nil {
			return err
		}
	}
	return nil
}

// electLeaders moves partitions of dead nodes to the living nodes in turn. A partition with
// one replica stays, so that no client reaches it until its node is back.
func (c *Cluster) electLeaders(led []partition) error {
	up := c.livingNodes()
	if len(up) == 0 {
		return nil
	}
	for _, p := range led {
		if p.replicas == 1 {
			continue
		}
		if err := c.moveLeader(p, up[c.nextLeader%len(up)].id); err != nil {
			return err
		}
		c.nextLeader++
	}
	return nil
}

// restoreLeaders gives a node that came back the partitions that it led before.
// Partitions that other dead nodes still lead get new leaders too: that was
// impossible while no node was up. partitions are all that exist now, without
// those of topics that were deleted in the meantime.
func (c *Cluster) restoreLeaders(n *node, partitions []partition) error {
	former := map[string]map[int32]bool{}
	for _, p := range n.led {
		if former[p.topic] == nil {
			former[p.topic] = map[int32]bool{}
		}
		former[p.topic][p.id] = true
	}
	n.led = nil
	var orphans []partition
	for _, p := range partitions {
		if former[p.topic][p.id] {
			if err := c.moveLeader(p, n.id); err != nil {
				return err
			}
		} else if c.isAway(p.leader) {
			orphans = append(orphans, p)
		}
	}
	return c.electLeaders(orphans)
}

func (c *Cluster) isAway(id int32) bool {
	return slices.ContainsFunc(c.nodes, func(n *node) bool { return n.id == id && n.isAway() })
}

// moveLeader makes a node the leader. If it leads already, no new epoch starts.
func (c *Cluster) moveLeader(p partition, to int32) error {
	if p.leader == to {
		return nil
	}
	if err := c.kfake.MoveTopicPartition(p.topic, p.id, to); err != nil {
		return fmt.Errorf("move partition %d of %s to broker %d: %w", p.id, p.topic, to, err)
	}
	return nil
}

// partitionsLedBy returns the partitions that a node leads, as a living node
// lists them.
func (c *Cluster) partitionsLedBy(ctx context.Context, id int32) ([]partition, error) {
	ctx, cancel := context.WithTimeout(ctx, serveTimeout)
	defer cancel()
	reached := slices.DeleteFunc(c.livingNodes(), func(n *node) bool { return n.isolated })
	if len(reached) == 0 {
		return nil, errors.New("no other node can be reached")
	}
	all, err := c.listPartitions(ctx, reached[0].port.addr)
	return slices.DeleteFunc(all, func(p partition) bool { return p.leader != id }), err
}

// listPartitions asks the node at addr for all partitions, sorted. kfake lists
// its topics only in a Metadata response.
func (c *Cluster) listPartitions(ctx context.Context, addr string) ([]partition, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.Dialer(c.network.base.Dial), kgo.AlwaysRetryEOF())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	everything := kmsg.NewPtrMetadataRequest()
	resp, err := client.SeedBrokers()[0].RetriableRequest(ctx, everything)
	if err != nil {
		return nil, fmt.Errorf("ask %s for metadata: %w", addr, err)
	}
	var all []partition
	for _, t := range resp.(*kmsg.MetadataResponse).Topics {
		for _, p := range t.Partitions {
			all = append(all, partition{*t.Topic, p.Partition, p.Leader, len(p.Replicas)})
		}
	}
	slices.SortFunc(all, func(a, b partition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.id, b.id))
	})
	return all, nil
}
