// Package embedded is the default back end: a Kafka modelled by kfake inside
// this process, on loopback TCP, so that pods in other processes reach it with
// the clients they always use.
//
// It has what a comparison of consumers needs of a broker: partitions with
// leaders, groups of every protocol, transactions, nodes that die and come
// back. It has no replication: a figure from it ranks designs and is no broker
// benchmark.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// DefaultNodes is how many nodes a cluster has that is asked for no number.
const DefaultNodes = 3

const (
	mostNodes = 64

	// classicSession is the shortest session a classic group may ask for.
	classicSession = time.Second
)

// Backend starts a fresh cluster for each run. The zero value is ready; it
// keeps nothing between runs.
type Backend struct{}

var _ = harness.RegisterBackend(Backend{})

// Name is what -broker calls it.
func (Backend) Name() string { return "embedded" }

// Describe says what serves as Kafka.
func (Backend) Describe() string {
	return fmt.Sprintf("kfake, %d nodes in this process", DefaultNodes)
}

// Modelled is true: kfake is no Kafka.
func (Backend) Modelled() bool { return true }

// Start brings up a cluster, a [*Cluster], whose data lies in a temporary
// folder of its own. It errs on a spec that no Kafka would take and where
// folder or ports cannot be had; nothing is left then.
func (Backend) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	c, err := Start(ctx, spec, Options{Network: &loopback{}, Clock: ledger.NewClock()})
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	return c, nil
}

// Options are what a back end may have otherwise than [Backend].
type Options struct {
	Network  Network      // Network is what the nodes listen on.
	Clock    ledger.Clock // Clock stamps what the cluster observes.
	InMemory bool         // InMemory keeps records in memory, which suits short runs, instead of in files.
}

// Start brings up a cluster for a back end built upon this one. Its errors are
// those of [Backend.Start].
func Start(ctx context.Context, spec harness.ClusterSpec, o Options) (*Cluster, error) {
	if err := check(&spec); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return start(spec, o)
}

// check refuses a bad spec and fills in what it leaves to the back end.
func check(spec *harness.ClusterSpec) error {
	if spec.Nodes == 0 {
		spec.Nodes = DefaultNodes
	}
	if spec.Nodes < 0 || spec.Nodes > mostNodes {
		return fmt.Errorf("%d nodes: want 1 to %d", spec.Nodes, mostNodes)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"session timeout", spec.Session}, {"heartbeat interval", spec.Heartbeat}} {
		if d.value < 0 || d.value%time.Millisecond != 0 {
			return fmt.Errorf("%s %v: want whole milliseconds above zero", d.name, d.value)
		}
	}
	if spec.Session > 0 && spec.Heartbeat >= spec.Session {
		return fmt.Errorf("heartbeat interval %v: want less than the session timeout, %v", spec.Heartbeat, spec.Session)
	}
	return nil
}

func start(spec harness.ClusterSpec, o Options) (_ *Cluster, err error) {
	c := &Cluster{clock: o.Clock, closing: make(chan struct{}), topology: make(chan struct{}, 1), network: network{on: o.Network}}
	c.network.tap = c.tap
	opts := []kfake.Opt{
		kfake.NumBrokers(spec.Nodes),
		kfake.ListenFn(c.network.listen),
		kfake.GroupMinSessionTimeout(classicSession),
		kfake.BrokerConfigs(groupConfigs(spec)),
	}
	if !o.InMemory {
		if c.dir, err = os.MkdirTemp(spec.Dir, "stampede-kfake-"); err != nil {
			return nil, err
		}
		opts = append(opts, kfake.DataDir(c.dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.network.close(), c.removeData())
		}
	}()
	if c.kfake, err = kfake.NewCluster(opts...); err != nil {
		return nil, err
	}
	for i, p := range c.network.ports {
		c.nodes = append(c.nodes, &node{cluster: c, id: int32(i), port: p})
	}
	c.coordinators.watch(c.kfake, len(c.nodes))
	answerEpochs(c.kfake)
	c.waiting.watch(c)
	c.assignments.watch(c)
	c.watchCommits()
	return c, nil
}

// leastShareSession is the least that keeps a living member in a share group:
// franz-go's now and then sends no heartbeat for a second.
const leastShareSession = 2 * time.Second

// groupConfigs are the broker's settings of the KIP-848 protocol and of share groups; what the spec
// leaves at zero keeps the broker's default.
func groupConfigs(spec harness.ClusterSpec) map[string]string {
	configs := map[string]string{}
	set := func(name string, d time.Duration) {
		if d > 0 {
			configs[name] = strconv.FormatInt(d.Milliseconds(), 10)
		}
	}
	set("group.consumer.session.timeout.ms", spec.Session)
	set("group.consumer.heartbeat.interval.ms", spec.Heartbeat)
	if spec.Session > 0 {
		set("group.share.session.timeout.ms", max(spec.Session, leastShareSession))
	}
	set("group.share.heartbeat.interval.ms", spec.Heartbeat)
	return configs
}
