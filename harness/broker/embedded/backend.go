// Package embedded is the default back end. It runs kfake, a model of Kafka,
// inside this process on loopback TCP. Pods in other processes reach it with the
// clients that they always use.
//
// It has what a comparison of consumers needs of a broker: partitions with
// leaders, groups of every protocol, transactions, and nodes that die and come
// back. It has no replication. Numbers from it rank designs; they are no broker
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

// DefaultNodes is the number of nodes where a spec gives none.
const DefaultNodes = 3

const (
	maxNodes = 64

	// minClassicSession is the shortest session that a member of a classic group may
	// ask for.
	minClassicSession = time.Second
)

// Backend starts a new cluster for each run. The zero value is ready. It keeps
// nothing between runs.
type Backend struct{}

var _ = harness.RegisterBackend(Backend{})

// Name returns the value of -broker for this back end.
func (Backend) Name() string { return "embedded" }

// Describe returns the line of the report about the broker.
func (Backend) Describe() string {
	return fmt.Sprintf("kfake, %d nodes in this process", DefaultNodes)
}

// Modelled returns true: kfake is a model of Kafka.
func (Backend) Modelled() bool { return true }

// Prototype implements [harness.Prototyper].
func (Backend) Prototype() harness.Cluster { return &Cluster{} }

// Start starts a [*Cluster] whose data lies in a temporary folder of its own. It
// fails if Kafka would refuse the spec, or if it cannot get the folder or the
// ports. After an error nothing is left behind.
func (Backend) Start(ctx context.Context, spec harness.ClusterSpec) (harness.Cluster, error) {
	c, err := Start(ctx, spec, Options{Network: &loopback{}, Clock: ledger.NewClock()})
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	return c, nil
}

// Options are what another back end may choose differently from [Backend].
type Options struct {
	Network  Network      // Network connects nodes and clients.
	Clock    ledger.Clock // Clock gives the time of observed events.
	InMemory bool         // InMemory keeps records in memory and not in files, for short runs.
}

// Start starts a cluster for a back end that is built on this one. Its errors
// are those of [Backend.Start].
func Start(ctx context.Context, spec harness.ClusterSpec, o Options) (*Cluster, error) {
	if err := checkSpec(&spec); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return startCluster(spec, o)
}

// checkSpec refuses a spec that cannot work, and fills in the defaults.
func checkSpec(spec *harness.ClusterSpec) error {
	if spec.Nodes == 0 {
		spec.Nodes = DefaultNodes
	}
	if spec.Nodes < 0 || spec.Nodes > maxNodes {
		return fmt.Errorf("%d nodes: want 1 to %d", spec.Nodes, maxNodes)
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

func startCluster(spec harness.ClusterSpec, o Options) (_ *Cluster, err error) {
	c := &Cluster{clock: o.Clock, closing: make(chan struct{}), topology: make(chan struct{}, 1), network: network{base: o.Network}}
	c.network.line = c.newLine
	opts := []kfake.Opt{
		kfake.NumBrokers(spec.Nodes),
		kfake.ListenFn(c.network.listenForNode),
		kfake.GroupMinSessionTimeout(minClassicSession),
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
			err = errors.Join(err, c.network.closePorts(), c.removeData())
		}
	}()
	if c.kfake, err = kfake.NewCluster(opts...); err != nil {
		return nil, err
	}
	for i, p := range c.network.ports {
		c.nodes = append(c.nodes, &node{cluster: c, id: int32(i), port: p})
	}
	c.coordinators.watchLookups(c.kfake, len(c.nodes))
	answerEpochs(c.kfake)
	c.heartbeats.watchMembers(c)
	c.watchSyncGroups()
	c.watchCommits()
	c.watchDeletions()
	c.refuseLongMetadata()
	return c, nil
}

// minShareSession keeps members that live in a share group: franz-go sometimes
// sends no heartbeat for a second.
const minShareSession = 2 * time.Second

// groupConfigs returns the broker settings for KIP-848 groups and share groups.
// A zero in the spec keeps the broker's default.
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
		set("group.share.session.timeout.ms", max(spec.Session, minShareSession))
	}
	set("group.share.heartbeat.interval.ms", spec.Heartbeat)
	return configs
}
