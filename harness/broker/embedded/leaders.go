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

// partition is a partition of any topic, and the node that led it when asked.
type partition struct {
	topic  string
	id     int32
	leader int32
}

// TopicCreated spreads the leaders of a new topic over the living nodes in
// turn, partition 0 on the first: kfake places them at random, and then a node
// may lead nothing. Call it once after creating a topic, before it is used. It
// errs if there is no such topic.
func (c *Cluster) TopicCreated(ctx context.Context, topic string) error {
	done, err := c.use()
	if err == nil {
		defer done()
		err = ctx.Err()
	}
	if err == nil {
		err = c.spread(topic)
	}
	if err != nil {
		return fmt.Errorf("spread leaders of topic %s: %w", topic, err)
	}
	c.stamps.created(c.kfake, topic)
	return nil
}

func (c *Cluster) spread(topic string) error {
	c.topology <- struct{}{}
	defer func() { <-c.topology }()
	up := c.living()
	if len(up) == 0 {
		return errors.New("no node is up")
	}
	infos := c.kfake.PartitionInfos(topic)
	if infos == nil {
		return errors.New("there is no such topic")
	}
	for i, info := range infos {
		if err := c.move(partition{topic, info.Partition, info.Leader}, up[i%len(up)].id); err != nil {
			return err
		}
	}
	return nil
}

// elect has the living nodes lead partitions of dead ones, in turn.
func (c *Cluster) elect(led []partition) error {
	up := c.living()
	if len(up) == 0 {
		return nil
	}
	for _, p := range led {
		if err := c.move(p, up[c.turn%len(up)].id); err != nil {
			return err
		}
		c.turn++
	}
	return nil
}

// handBack has a node that came back lead what it led, and elects leaders for
// what others led that are dead still: while no node was up nobody could.
// partitions are all there are now; topics deleted meanwhile are not among them.
func (c *Cluster) handBack(n *node, partitions []partition) error {
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
			if err := c.move(p, n.id); err != nil {
				return err
			}
		} else if c.isDead(p.leader) {
			orphans = append(orphans, p)
		}
	}
	return c.elect(orphans)
}

func (c *Cluster) isDead(id int32) bool {
	return slices.ContainsFunc(c.nodes, func(n *node) bool { return n.id == id && n.dead })
}

// move makes a node the leader; a leader that stays starts no new epoch.
func (c *Cluster) move(p partition, to int32) error {
	if p.leader == to {
		return nil
	}
	if err := c.kfake.MoveTopicPartition(p.topic, p.id, to); err != nil {
		return fmt.Errorf("move partition %d of %s to broker %d: %w", p.id, p.topic, to, err)
	}
	return nil
}

// ledBy are the partitions that a node leads, as a living node lists them.
func (c *Cluster) ledBy(ctx context.Context, id int32) ([]partition, error) {
	ctx, cancel := context.WithTimeout(ctx, serveWithin)
	defer cancel()
	all, err := c.leaders(ctx, c.living()[0].port.addr)
	return slices.DeleteFunc(all, func(p partition) bool { return p.leader != id }), err
}

// leaders asks the node at addr for all partitions, in order. kfake lists its
// topics to nobody but a client.
func (c *Cluster) leaders(ctx context.Context, addr string) ([]partition, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.Dialer(c.network.on.Dial), kgo.AlwaysRetryEOF())
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
			all = append(all, partition{*t.Topic, p.Partition, p.Leader})
		}
	}
	slices.SortFunc(all, func(a, b partition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.id, b.id))
	})
	return all, nil
}
