package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

var _ interface {
	harness.NodeStopper
	harness.NodePauser
	harness.NodeIsolator
	harness.NodeSlower
	harness.LeaderMover
} = (*Cluster)(nil)

// slowResponse is how long each response of a slow node waits. Requests of one connection
// wait for each other, as they do at a broker that lacks CPU.
const slowResponse = 150 * time.Millisecond

// changeNode makes a change of one node and says what failed.
func (c *Cluster) changeNode(ctx context.Context, verb string, id int32, change func(*node, context.Context) error) error {
	for _, n := range c.nodes {
		if n.id != id {
			continue
		}
		if err := n.changeTopology(ctx, func(ctx context.Context) error { return change(n, ctx) }); err != nil {
			return fmt.Errorf("%s broker %d: %w", verb, id, err)
		}
		return nil
	}
	return fmt.Errorf("%s broker %d: there is no such broker", verb, id)
}

// StopNode implements [harness.NodeStopper]. The other nodes lead and coordinate before the
// connections break.
func (c *Cluster) StopNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "stop", id, func(n *node, ctx context.Context) error {
		if err := n.checkRuns(); err != nil {
			return err
		}
		n.dead = true
		return errors.Join(n.handOver(ctx), n.port.takeDown())
	})
}

// PauseNode implements [harness.NodePauser]. After the election delay the other nodes lead
// and coordinate, as after a death.
func (c *Cluster) PauseNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "pause", id, func(n *node, ctx context.Context) error {
		if err := n.checkRuns(); err != nil {
			return err
		}
		n.paused = true
		n.port.freeze()
		early := c.sleepUnlessClosed(ctx, electionDelay)
		return errors.Join(early, n.handOver(context.WithoutCancel(ctx)))
	})
}

// ResumeNode implements [harness.NodePauser]. Requests that waited are answered by a node
// that leads nothing. Then it leads again what it led before.
func (c *Cluster) ResumeNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "resume", id, func(n *node, ctx context.Context) error {
		if !n.paused {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, serveTimeout)
		defer cancel()
		n.port.thaw()
		return n.takeBack(ctx)
	})
}

// CanIsolate implements [harness.NodeIsolator].
func (c *Cluster) CanIsolate(from harness.Side) error {
	if from == harness.Peers {
		return errors.New("brokers of this back end share their state and do not talk to each other")
	}
	return nil
}

// IsolateNode implements [harness.NodeIsolator]. The node leads on, and no client reaches it.
func (c *Cluster) IsolateNode(ctx context.Context, id int32, from harness.Side) error {
	if err := c.CanIsolate(from); err != nil {
		return err
	}
	return c.changeNode(ctx, "isolate", id, func(n *node, _ context.Context) error {
		if err := n.checkRuns(); err != nil {
			return err
		}
		n.isolated = true
		n.port.freeze()
		return nil
	})
}

// ReconnectNode implements [harness.NodeIsolator].
func (c *Cluster) ReconnectNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "reconnect", id, func(n *node, _ context.Context) error {
		n.isolated = false
		if !n.paused {
			n.port.thaw()
		}
		return nil
	})
}

// SlowNode implements [harness.NodeSlower].
func (c *Cluster) SlowNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "slow", id, func(n *node, _ context.Context) error {
		n.port.waits.Store(0)
		n.port.slow.Store(int64(slowResponse))
		return nil
	})
}

// SpeedUpNode implements [harness.NodeSlower].
func (c *Cluster) SpeedUpNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "speed up", id, func(n *node, _ context.Context) error {
		n.port.slow.Store(0)
		return nil
	})
}

// CountWaits implements [harness.NodeSlower].
func (c *Cluster) CountWaits(ctx context.Context, id int32) (waits int64, err error) {
	err = c.changeNode(ctx, "ask", id, func(n *node, _ context.Context) error {
		waits = n.port.waits.Load()
		return nil
	})
	return waits, err
}

// MoveLeaders implements [harness.LeaderMover].
func (c *Cluster) MoveLeaders(ctx context.Context, topic string, leaders []int32) error {
	done, err := c.use()
	if err == nil {
		defer done()
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("move leaders of topic %s: %w", topic, err)
	}
	c.topology <- struct{}{}
	defer func() { <-c.topology }()
	for _, info := range c.kfake.PartitionInfos(topic) {
		to := leaders[info.Partition]
		if c.isAway(to) {
			return fmt.Errorf("move leaders of topic %s: broker %d is not running", topic, to)
		}
		if err := c.moveLeader(partition{topic: topic, id: info.Partition, leader: info.Leader}, to); err != nil {
			return err
		}
	}
	return nil
}
