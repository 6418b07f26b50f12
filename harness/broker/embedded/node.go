package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// electionDelay is how long the partitions of a killed node have no leader. It
	// stands for the time in which a quorum notices the death and elects, kept
	// short.
	electionDelay = 300 * time.Millisecond

	// serveTimeout bounds a request to a node and the start of a node.
	serveTimeout = 10 * time.Second
)

// node is one broker of a [Cluster]. Cluster.topology guards its state.
type node struct {
	cluster *Cluster
	id      int32
	port    *port

	dead     bool
	paused   bool
	isolated bool        // isolated: no client reaches it.
	led      []partition // led are the partitions that the node gets back when it starts or resumes.
}

// isAway reports whether the node is dead or paused: it leads and coordinates nothing then.
func (n *node) isAway() bool { return n.dead || n.paused }

func (n *node) ID() int32 { return n.id }

// Kill refuses and resets all connections of the node at once. After the
// election delay the other nodes lead its partitions in turn, and coordinate its
// groups and transactional ids. Then Kill returns. Partitions of other nodes
// keep their leaders. If no other node is alive, nothing moves. If ctx ends or
// the cluster closes during the delay, the election happens at once and Kill
// returns the error of ctx. It fails for a node that is dead already. Work of
// the controller, such as creating topics over the wire, must wait until the
// last node starts again.
func (n *node) Kill(ctx context.Context) error {
	if err := n.changeTopology(ctx, n.killAndElect); err != nil {
		return fmt.Errorf("kill broker %d: %w", n.id, err)
	}
	return nil
}

// Start brings the node back under its address and waits until it answers. The
// node then leads again the partitions that it led when it was killed. Start
// fails for a node that runs. If the node cannot be reached in time, it stays
// dead.
func (n *node) Start(ctx context.Context) error {
	if err := n.changeTopology(ctx, n.startAndRestore); err != nil {
		return fmt.Errorf("start broker %d: %w", n.id, err)
	}
	return nil
}

// changeTopology makes one change while the cluster is open and no other change
// is in progress.
func (n *node) changeTopology(ctx context.Context, change func(context.Context) error) error {
	done, err := n.cluster.use()
	if err != nil {
		return err
	}
	defer done()
	n.cluster.topology <- struct{}{}
	defer func() { <-n.cluster.topology }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return change(ctx)
}

func (n *node) killAndElect(ctx context.Context) error {
	if err := n.checkRuns(); err != nil {
		return err
	}
	n.dead = true
	if err := n.port.takeDown(); err != nil {
		return err
	}
	early := n.cluster.sleepUnlessClosed(ctx, electionDelay)
	return errors.Join(early, n.handOver(context.WithoutCancel(ctx)))
}

// checkRuns returns an error for a node that is away.
func (n *node) checkRuns() error {
	switch {
	case n.dead:
		return errors.New("it is dead already")
	case n.paused:
		return errors.New("it is paused")
	}
	return nil
}

// handOver gives what the node leads and coordinates to the others. The node is away.
func (n *node) handOver(ctx context.Context) error {
	c := n.cluster
	n.led = nil
	c.coordinators.markDead(n.id)
	if len(c.livingNodes()) == 0 {
		return nil
	}
	led, err := c.partitionsLedBy(ctx, n.id)
	if err != nil {
		return err
	}
	n.led = led
	return errors.Join(c.electLeaders(led), c.coordinators.leaveDeadNodes())
}

func (n *node) startAndRestore(ctx context.Context) error {
	if !n.dead {
		return errors.New("it is running")
	}
	ctx, cancel := context.WithTimeout(ctx, serveTimeout)
	defer cancel()
	n.isolated = false // a node that starts has a new network
	n.port.thaw()
	if err := n.port.bringUp(ctx); err != nil {
		return err
	}
	if err := n.takeBack(ctx); err != nil {
		return errors.Join(err, n.port.takeDown())
	}
	return nil
}

// takeBack waits until a node that was away answers, and gives it what it led.
func (n *node) takeBack(ctx context.Context) error {
	c := n.cluster
	partitions, err := c.listPartitions(ctx, n.port.addr)
	if err != nil {
		return err
	}
	n.dead, n.paused = false, false
	c.coordinators.markAlive(n.id)
	if err := c.restoreLeaders(n, partitions); err != nil {
		return err
	}
	return c.coordinators.leaveDeadNodes()
}

// sleepUnlessClosed waits for d. It ends early with the error of ctx, or with
// errClosed.
func (c *Cluster) sleepUnlessClosed(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// livingNodes returns the nodes that are neither dead nor paused.
func (c *Cluster) livingNodes() (up []*node) {
	for _, n := range c.nodes {
		if !n.isAway() {
			up = append(up, n)
		}
	}
	return up
}
