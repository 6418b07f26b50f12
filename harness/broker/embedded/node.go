package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// electionDelay is how long the partitions of a killed node are without a
	// leader: the time a quorum takes to miss it and to elect, kept short.
	electionDelay = 300 * time.Millisecond

	// serveWithin bounds what a node is asked and how long its start may take.
	serveWithin = 10 * time.Second
)

// node is one broker of a [Cluster]. Its state is guarded by Cluster.topology.
type node struct {
	cluster *Cluster
	id      int32
	port    *port

	dead bool
	led  []partition // led are the partitions it gets back when it starts.
}

func (n *node) ID() int32 { return n.id }

// Kill refuses and resets all connections of the node at once. After the
// election delay its partitions are led by the other nodes in turn, and its
// groups and transactional ids have their coordinator elsewhere; then it
// returns. Partitions of other nodes keep their leaders. With no other node
// alive nothing moves. If ctx ends or the cluster closes during the delay, the
// node is dead and the election is held at once; Kill then returns ctx's error.
// It errs for a node that is dead already. What needs the controller, creating
// topics over the wire above all, has to wait for the start of the last node.
func (n *node) Kill(ctx context.Context) error {
	if err := n.act(ctx, n.kill); err != nil {
		return fmt.Errorf("kill broker %d: %w", n.id, err)
	}
	return nil
}

// Start brings the node back under its address, waits until it answers, and
// has it lead again the partitions it led when it was killed. It errs for a
// node that runs; if it cannot be reached in time the node stays dead.
func (n *node) Start(ctx context.Context) error {
	if err := n.act(ctx, n.start); err != nil {
		return fmt.Errorf("start broker %d: %w", n.id, err)
	}
	return nil
}

// act does one change of the topology with the cluster open and no other
// change under way.
func (n *node) act(ctx context.Context, change func(context.Context) error) error {
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

func (n *node) kill(ctx context.Context) error {
	c := n.cluster
	if n.dead {
		return errors.New("it is dead already")
	}
	n.dead = true
	if err := n.port.down(); err != nil {
		return err
	}
	early := c.pause(ctx, electionDelay)
	n.led = nil
	c.coordinators.lose(n.id)
	if len(c.living()) == 0 {
		return early
	}
	led, err := c.ledBy(context.WithoutCancel(ctx), n.id)
	if err != nil {
		return errors.Join(early, err)
	}
	n.led = led
	return errors.Join(early, c.elect(led), c.coordinators.settle())
}

func (n *node) start(ctx context.Context) error {
	c := n.cluster
	if !n.dead {
		return errors.New("it is running")
	}
	ctx, cancel := context.WithTimeout(ctx, serveWithin)
	defer cancel()
	if err := n.port.up(ctx); err != nil {
		return err
	}
	partitions, err := c.leaders(ctx, n.port.addr)
	if err != nil {
		return errors.Join(err, n.port.down())
	}
	n.dead = false
	c.coordinators.regain(n.id)
	if err := c.handBack(n, partitions); err != nil {
		return err
	}
	return c.coordinators.settle()
}

// pause waits for d, unless ctx ends, which is its error, or the cluster closes.
func (c *Cluster) pause(ctx context.Context, d time.Duration) error {
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

// living are the nodes that are up.
func (c *Cluster) living() (up []*node) {
	for _, n := range c.nodes {
		if !n.dead {
			up = append(up, n)
		}
	}
	return up
}
