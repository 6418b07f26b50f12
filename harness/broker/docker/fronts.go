package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
)

// fronts are the networks of the pods of a cluster. A front connects to the address of a
// container, so it takes the place of the engine's own proxy behind the published port.
type fronts struct {
	rules *wire.Rules // rules of the present run
	sights

	mu   sync.Mutex
	open map[*front]struct{}
}

// front is a [harness.Front].
type front struct {
	*wire.Front
	fronts *fronts
}

// Close implements [harness.Front].
func (f *front) Close() error {
	f.fronts.mu.Lock()
	delete(f.fronts.open, f)
	f.fronts.mu.Unlock()
	return f.Front.Close()
}

// frontedCluster is a cluster whose pods reach it by fronts only.
type frontedCluster struct{ *cluster }

var _ interface {
	harness.Fronter
	harness.RuleApplier
	harness.WireObserver
} = frontedCluster{}

// OpenFront implements [harness.Fronter].
func (c frontedCluster) OpenFront(_ context.Context, clientID string) (harness.Front, error) {
	var brokers []wire.Broker
	for _, n := range c.nodes {
		brokers = append(brokers, wire.Broker{ID: n.id, Dial: n.dialContainer})
	}
	w, err := wire.OpenFront(brokers, wire.Line{Now: c.clock.Now, Rules: c.fronts.rules, Client: clientID, Observer: c.fronts.observer()})
	if err != nil {
		return nil, fmt.Errorf("open the network of %s: %w", clientID, err)
	}
	f := &front{w, &c.fronts}
	c.fronts.mu.Lock()
	defer c.fronts.mu.Unlock()
	if c.fronts.open == nil {
		c.fronts.open = map[*front]struct{}{}
	}
	c.fronts.open[f] = struct{}{}
	for _, n := range c.nodes {
		if n.down.Load() {
			f.TakeDown(n.id)
		}
	}
	return f, nil
}

// ApplyRule implements [harness.RuleApplier]. Rules are about clients behind fronts.
func (c frontedCluster) ApplyRule(rule harness.Rule) (stop func() int, err error) {
	return c.fronts.rules.Apply(rule)
}

// ObserveWire implements [harness.WireObserver].
func (c frontedCluster) ObserveWire(prefix string, see harness.GroupEvents) (stop func()) {
	return c.fronts.watch(prefix, see)
}

// takeDown has all fronts refuse connections to a node.
func (f *fronts) takeDown(n *node) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n.down.Store(true)
	for open := range f.open {
		open.TakeDown(n.id)
	}
}

// bringUp has all fronts accept connections to a node again.
func (f *fronts) bringUp(ctx context.Context, n *node) error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	n.down.Store(false)
	all := slices.Collect(maps.Keys(f.open))
	f.mu.Unlock() // a front may have to wait for its port
	var errs []error
	for _, open := range all {
		errs = append(errs, open.BringUp(ctx, n.id))
	}
	return errors.Join(errs...)
}

// dialContainer connects to the container's address, or to the published port where that
// address cannot be reached, as from outside of a virtual machine.
func (n *node) dialContainer(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if addr := n.address.Load(); addr != nil {
		return d.DialContext(ctx, "tcp", *addr)
	}
	return d.DialContext(ctx, "tcp", n.addr())
}

// reachTimeout is how long the container's address may take to answer.
const reachTimeout = 2 * time.Second

// findAddress notes the container's address if clients on this machine reach it. A
// container may get another address with each start.
func (n *node) findAddress(ctx context.Context) error {
	var reached *string
	c, err := n.engine.ContainerInspect(ctx, n.container, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("find the address of node %d: %w", n.id, err)
	}
	for _, nw := range c.Container.NetworkSettings.Networks {
		if nw.IPAddress == (netip.Addr{}) {
			continue
		}
		addr := net.JoinHostPort(nw.IPAddress.String(), strconv.Itoa(externalPort))
		within, cancel := context.WithTimeout(ctx, reachTimeout)
		conn, err := n.reach.DialContext(within, "tcp", addr)
		cancel()
		if err == nil {
			conn.Close()
			reached = &addr
			break
		}
	}
	n.address.Store(reached)
	return nil
}
