package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/stampede-bench/stampede/harness"
)

var _ interface {
	harness.NodeStopper
	harness.NodePauser
	harness.NodeIsolator
	harness.NodeSlower
	harness.DiskFiller
	harness.LeaderMover
	harness.Replicator
} = (*cluster)(nil)

// stopTimeout bounds a clean stop. A controller that is alone cannot stop cleanly, and ends
// after its own limit of five minutes.
const stopTimeout = time.Minute

// slowShare is the share of one CPU that a slow node gets. With less it cannot keep its
// session as a broker.
const slowShare = 0.15

// cpuPeriod is the period of the CPU quota, in µs.
const cpuPeriod = 100_000

// Replicates implements [harness.Replicator].
func (c *cluster) Replicates() {}

// changeNode makes a change of one node, while no check of the node runs.
func (c *cluster) changeNode(ctx context.Context, verb string, id int32, change func(context.Context, *node) error) error {
	for _, n := range c.nodes {
		if n.id != id {
			continue
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if err := n.checkContainer(ctx); err != nil {
			return fmt.Errorf("%s node %d: %w", verb, id, err)
		}
		if err := change(ctx, n); err != nil {
			return fmt.Errorf("%s node %d: %w", verb, id, err)
		}
		return nil
	}
	return fmt.Errorf("%s node %d: there is no such node", verb, id)
}

// StopNode implements [harness.NodeStopper]. Kafka moves its leaders before it ends.
func (c *cluster) StopNode(ctx context.Context, id int32) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("still running after %v", stopTimeout))
	defer cancel()
	return c.changeNode(ctx, "stop", id, func(ctx context.Context, n *node) error {
		if n.watch.isDown() {
			return errors.New("it is down already")
		}
		if err := n.endContainer(ctx, n.sendSignal("SIGTERM")); err != nil {
			return err
		}
		n.fronts.takeDown(n)
		return nil
	})
}

// PauseNode implements [harness.NodePauser].
func (c *cluster) PauseNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "pause", id, func(ctx context.Context, n *node) error {
		if !n.watch.isUp() || n.watch.left.Paused {
			return errors.New("it does not run")
		}
		request, cancel := uncancelled(ctx)
		defer cancel()
		if _, err := n.engine.ContainerPause(request, n.container, client.ContainerPauseOptions{}); err != nil {
			return err
		}
		return n.leaveContainer(request, true)
	})
}

// ResumeNode implements [harness.NodePauser].
func (c *cluster) ResumeNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "resume", id, func(ctx context.Context, n *node) error { return n.resume(ctx) })
}

// resume ends a pause. The caller holds n.mu.
func (n *node) resume(ctx context.Context) error {
	state, err := n.inspectState(ctx)
	if err != nil || !state.Paused {
		return err
	}
	request, cancel := uncancelled(ctx)
	defer cancel()
	if _, err := n.engine.ContainerUnpause(request, n.container, client.ContainerUnpauseOptions{}); err != nil {
		return err
	}
	return n.leaveContainer(request, true)
}

// SlowNode implements [harness.NodeSlower].
func (c *cluster) SlowNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "slow", id, func(ctx context.Context, n *node) (err error) {
		if n.waited, err = n.readWaits(ctx); err != nil {
			return err
		}
		n.slow.Store(true)
		return n.limitCPU(ctx, slowShare*cpuPeriod)
	})
}

// SpeedUpNode implements [harness.NodeSlower].
func (c *cluster) SpeedUpNode(ctx context.Context, id int32) error {
	return c.changeNode(ctx, "speed up", id, func(ctx context.Context, n *node) error { return n.speedUp(ctx) })
}

func (n *node) speedUp(ctx context.Context) error {
	if !n.slow.Load() {
		return nil
	}
	if err := n.limitCPU(ctx, -1); err != nil {
		return err
	}
	n.slow.Store(false)
	return nil
}

// limitCPU sets how many µs of each period the container may use; -1 is all.
func (n *node) limitCPU(ctx context.Context, quota int64) error {
	ctx, cancel := uncancelled(ctx)
	defer cancel()
	_, err := n.engine.ContainerUpdate(ctx, n.container, client.ContainerUpdateOptions{
		Resources: &container.Resources{CPUPeriod: cpuPeriod, CPUQuota: quota},
	})
	return err
}

// CountWaits implements [harness.NodeSlower]: the periods in which the quota was used up.
func (c *cluster) CountWaits(ctx context.Context, id int32) (waits int64, err error) {
	err = c.changeNode(ctx, "ask", id, func(ctx context.Context, n *node) error {
		now, err := n.readWaits(ctx)
		waits = now - n.waited
		return err
	})
	return waits, err
}

// readWaits is how often the kernel has made the container wait for its quota.
func (n *node) readWaits(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	stats, err := n.engine.ContainerStats(ctx, n.container, client.ContainerStatsOptions{})
	if err != nil {
		return 0, err
	}
	defer stats.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(stats.Body).Decode(&s); err != nil {
		return 0, fmt.Errorf("read its CPU statistics: %w", err)
	}
	return int64(s.CPUStats.ThrottlingData.ThrottledPeriods), nil
}

// restore ends all faults that leave the container running. It is for a node that a fault
// without a heal has left so.
func (n *node) restore(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return errors.Join(n.resume(ctx), n.speedUp(ctx), n.reconnect(ctx))
}
