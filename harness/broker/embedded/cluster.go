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
	"github.com/stampede-bench/stampede/harness/broker/wire"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// errClosed is the error of every call after Close.
var errClosed = errors.New("the cluster is closed")

// Cluster is one kfake with its nodes and observers. [Backend.Start] returns it.
// It is safe for concurrent use.
type Cluster struct {
	kfake        *kfake.Cluster
	dir          string
	network      network
	rules        wire.Rules
	nodes        []*node
	clock        ledger.Clock
	coordinators coordinators
	heartbeats   heartbeats
	timestamps   timestamps

	// topology is a lock of capacity one, held while nodes are killed or started and
	// while leaders move. It is held across waits. A mutex held that long would stop
	// virtual time.
	topology   chan struct{}
	nextLeader int // nextLeader counts round the living nodes: the next one gets the next partition of a dead node.

	watchesMu    sync.Mutex
	watches      []*groupWatch
	transactions wire.Transactions
	assignments  wire.Assignments
	topicNames   sync.Map // topicNames has the name of each topic id.

	// using counts calls into kfake that kfake does not make itself. No call begins
	// once closed is set: it would never return.
	using    sync.WaitGroup
	closedMu sync.Mutex // closedMu guards closed, and using against calls that begin.
	closed   bool
	closing  chan struct{} // closing is closed when Close begins, so that waits end early.
	closer   sync.Once
	closeErr error
}

// Optional abilities of a cluster.
var (
	_ harness.GroupObserver   = (*Cluster)(nil)
	_ harness.ShareConfigurer = (*Cluster)(nil)
)

// Seeds returns the bootstrap address of each node, dead nodes included.
func (c *Cluster) Seeds() []string {
	var seeds []string
	for _, n := range c.nodes {
		seeds = append(seeds, n.port.addr)
	}
	return seeds
}

// Nodes returns the brokers. Their ids count from 0.
func (c *Cluster) Nodes() []harness.Node {
	var nodes []harness.Node
	for _, n := range c.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

// Kfake returns the broker itself. Tests use it, and faults that only kfake can
// make, such as acknowledging a produce and dropping it. Do not remove its
// nodes: RemoveNode shuffles every leader and leaves connections that answer
// wrongly. Its methods never return after Close.
func (c *Cluster) Kfake() *kfake.Cluster { return c.kfake }

// Close ends observers, connections, listeners and the broker, and removes the
// folder. A kill in progress ends without its delay. Every further call returns
// what the first one returned.
func (c *Cluster) Close() error {
	c.closer.Do(func() {
		close(c.closing)
		c.heartbeats.cancel()
		c.closedMu.Lock()
		c.closed = true
		c.closedMu.Unlock()
		c.using.Wait()
		c.heartbeats.closeClient()
		c.stopWatches()
		if err := errors.Join(c.closeBroker(), c.removeData()); err != nil {
			c.closeErr = fmt.Errorf("close embedded broker: %w", err)
		}
	})
	return c.closeErr
}

// closeBroker closes kfake before it waits for the connections. kfake closes a
// connection with a request parked in a group only when kfake itself ends.
func (c *Cluster) closeBroker() error {
	err := c.network.closePorts()
	c.kfake.Close()
	return errors.Join(err, c.network.awaitDisconnects(closeTimeout))
}

// closeTimeout bounds each wait of Close.
const closeTimeout = 10 * time.Second

// removeData retries: kfake finishes its current request when it is closed, and
// may write one more file.
func (c *Cluster) removeData() error {
	if c.dir == "" {
		return nil
	}
	deadline := time.Now().Add(closeTimeout)
	for {
		err := os.RemoveAll(c.dir)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// use keeps the cluster open until the caller calls done.
func (c *Cluster) use() (done func(), err error) {
	c.closedMu.Lock()
	defer c.closedMu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	c.using.Add(1)
	return c.using.Done, nil
}

// DescribeGroups returns the groups as the broker has them. Members of a classic
// group have the assignment of the last SyncGroup, those of a KIP-848 or share
// group that of the last heartbeat. For the latter two Generation is the group
// epoch.
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
	for _, name := range c.coordinators.groupsWithPrefix(prefix) {
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
