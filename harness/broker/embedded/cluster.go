package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// errClosed is what every ability says after Close.
var errClosed = errors.New("the cluster is closed")

// Cluster is one kfake with the nodes, the observers and the leaders of a run.
// It is what [Backend.Start] returns. Safe for many goroutines.
type Cluster struct {
	kfake        *kfake.Cluster
	dir          string
	network      network
	nodes        []*node
	clock        ledger.Clock
	coordinators coordinators
	waiting      waiting
	stamps       stamps

	// topology is full while nodes are killed or started or leaders placed. It is
	// held through waits, and a mutex held that long would stop the clock where
	// time is virtual.
	topology chan struct{}
	turn     int // turn is whose turn it is to get the next partition of a dead node.

	watching     sync.Mutex
	watches      []*groupWatch
	transactions transactions
	assignments  assignments
	topicNames   sync.Map // topicNames are the names of topics by id.

	// using counts the calls into kfake that are not made by kfake itself, and
	// none begins once closed is set: a call after its end would never return.
	using    sync.WaitGroup
	open     sync.Mutex // guards closed, and using against calls that begin
	closed   bool
	closing  chan struct{} // closing is closed when Close begins: waits end early.
	closer   sync.Once
	closeErr error
}

// The abilities a cluster has beyond the contract.
var (
	_ harness.GroupObserver   = (*Cluster)(nil)
	_ harness.ShareConfigurer = (*Cluster)(nil)
)

// Seeds are the bootstrap addresses, one a node, dead ones too.
func (c *Cluster) Seeds() []string {
	var seeds []string
	for _, n := range c.nodes {
		seeds = append(seeds, n.port.addr)
	}
	return seeds
}

// Nodes are the brokers; their ids count from 0.
func (c *Cluster) Nodes() []harness.Node {
	var nodes []harness.Node
	for _, n := range c.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

// Kfake is the broker itself, for tests and for faults that only it can do,
// such as acknowledging a produce and dropping it. Remove no node of it: that
// shuffles every leader and leaves connections that answer wrongly. Its methods
// never return once the cluster is closed.
func (c *Cluster) Kfake() *kfake.Cluster { return c.kfake }

// Close ends observers, connections, listeners and the broker, and removes its
// folder. A kill under way is finished first, without its delay. Every further
// call returns what the first returned.
func (c *Cluster) Close() error {
	c.closer.Do(func() {
		close(c.closing)
		c.waiting.cancel()
		c.open.Lock()
		c.closed = true
		c.open.Unlock()
		c.using.Wait()
		c.waiting.close()
		c.stopWatches()
		if err := errors.Join(c.shut(), c.removeData()); err != nil {
			c.closeErr = fmt.Errorf("close embedded broker: %w", err)
		}
	})
	return c.closeErr
}

// shut ends kfake before it waits for the connections: a connection with a
// request parked in a group is given up by kfake only when kfake ends.
func (c *Cluster) shut() error {
	err := c.network.close()
	c.kfake.Close()
	return errors.Join(err, c.network.wait(closeWithin))
}

// closeWithin bounds each wait of Close.
const closeWithin = 10 * time.Second

// removeData removes a folder that may still get a last file: kfake finishes
// the request it is at when it is closed.
func (c *Cluster) removeData() error {
	if c.dir == "" {
		return nil
	}
	deadline := time.Now().Add(closeWithin)
	for {
		err := os.RemoveAll(c.dir)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// use lets a caller into kfake until it calls done.
func (c *Cluster) use() (done func(), err error) {
	c.open.Lock()
	defer c.open.Unlock()
	if c.closed {
		return nil, errClosed
	}
	c.using.Add(1)
	return c.using.Done, nil
}

// DescribeGroups are the groups as the broker has them: the members of a classic
// group with the assignment they were last given, those of a KIP-848 or a share
// group with the one they were last told. Generation is the group epoch of the
// latter two.
func (c *Cluster) DescribeGroups(ctx context.Context, prefix string) ([]harness.Group, error) {
	done, err := c.use()
	if err == nil {
		defer done()
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("describe groups %s: %w", prefix, err)
	}
	var groups []harness.Group
	for _, name := range c.coordinators.groupsLike(prefix) {
		info := c.kfake.GroupInfo(name)
		if info == nil {
			continue
		}
		g := harness.Group{Name: name, Generation: info.Epoch, State: info.State}
		for _, m := range info.Members {
			g.Members = append(g.Members, harness.Member{ID: m.MemberID, ClientID: m.ClientID, Partitions: m.Assignment})
		}
		groups = append(groups, g)
	}
	return groups, nil
}
