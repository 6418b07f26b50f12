package harness

import (
	"context"
	"net"
	"time"
)

// Backend brings up Kafka.
type Backend interface {
	// Name is its name in -broker.
	Name() string
	// Start returns a cluster that takes records, for one run. A back end may
	// return the same cluster again once it is healthy.
	Start(ctx context.Context, spec ClusterSpec) (Cluster, error)
}

// Prototyper is the ability of a back end to show the abilities of its clusters before one
// starts.
type Prototyper interface {
	// Prototype is a cluster that was never started, and whose methods may not be called.
	Prototype() Cluster
}

// ClusterSpec is what a run needs of a cluster.
type ClusterSpec struct {
	Nodes     int           // Nodes is the number of brokers. 0: 3.
	Session   time.Duration // Session and Heartbeat are the broker-side settings of the KIP-848 protocol.
	Heartbeat time.Duration
	Dir       string // Dir is where a back end may keep files of this run. "": the temporary folder.
	// Tell is told in one line why the start takes longer than a user expects. May be nil.
	Tell func(why string)
}

// Cluster is a running Kafka.
type Cluster interface {
	Seeds() []string // Seeds are the bootstrap addresses, one for each node.
	Nodes() []Node   // Nodes are its brokers, in the order of their ids.
	Close() error    // Close releases the cluster; nothing of the run stays behind.
}

// Node is one broker.
type Node interface {
	ID() int32
	// Kill ends the broker as SIGKILL does and returns once it is down.
	Kill(context.Context) error
	// Start starts it again under the same address with the same data and returns
	// once it serves requests.
	Start(context.Context) error
}

// Fronter is the ability of a cluster to give one incarnation of a pod a network of its
// own. Rules and observers know the incarnation by it, whatever its client ids are.
type Fronter interface {
	// OpenFront opens the network of an incarnation, before the incarnation starts.
	OpenFront(ctx context.Context, clientID string) (Front, error)
}

// Front is the network of one incarnation of a pod.
type Front interface {
	Seeds() []string // Seeds take the place of [Cluster.Seeds] for the incarnation.
	Close() error    // Close resets all its connections: what it sent and the broker did not get is lost.
}

// NodeChecker is the ability of a cluster to notice that it has lost a node. A lost node
// ended, stands still or is gone, and no call of [Node.Kill] did that.
type NodeChecker interface {
	// CheckNodes returns an error that names a lost node and says what happened to it,
	// or nil if no node is lost. It returns within a few seconds. Its error says nothing
	// once ctx has ended.
	CheckNodes(ctx context.Context) error
}

// Describer is the ability of a back end to say what its metrics are worth.
type Describer interface {
	// Describe is a line for the report: what serves as Kafka, and how many nodes.
	Describe() string
	// Modelled reports that no real Kafka runs: the metrics compare designs and say
	// nothing about a broker.
	Modelled() bool
}

// Dialer is the ability of a cluster whose network only this dialer reaches: all
// clients of a run, those of its pods too, are in this process then.
type Dialer interface {
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
}

// Virtual is the ability of a back end to say that its runs need a bubble of
// testing/synctest, where time is virtual: it advances while all goroutines wait.
type Virtual interface{ Virtual() bool }

// Lingerer is the ability of a back end to have a default linger of its own. It counts where
// neither the scenario nor the command line says another. The rate is in records per second, and
// infinite for a flood. Other back ends have [DefaultLinger].
type Lingerer interface {
	Linger(rate float64) time.Duration
}

// LeaderPlacer is the ability of a cluster to place the leaders of new partitions. TopicCreated is to be called
// with each new topic, and PartitionsAdded with the first partition that was added to one.
type LeaderPlacer interface {
	TopicCreated(ctx context.Context, topic string) error
	PartitionsAdded(ctx context.Context, topic string, first int32) error
}

// IsVirtual reports whether the runs of a back end happen in virtual time.
func IsVirtual(b Backend) bool {
	v, ok := b.(Virtual)
	return ok && v.Virtual()
}

// Preflighter is the ability of a back end to check before the first run, and
// without starting anything, that it can start. The error says what to do.
type Preflighter interface{ Preflight(context.Context) error }

// Closer is the ability of a back end to release what it kept between runs.
type Closer interface{ Close() error }

// ShareConfigurer is the ability of a cluster to configure share groups its own
// way. Without it the harness uses Kafka's group configuration.
type ShareConfigurer interface {
	// ConfigureShareGroup makes the group begin at the start of the log, and sets
	// the duration of its record lock and its limit of deliveries.
	ConfigureShareGroup(ctx context.Context, group string, lock time.Duration, deliveries int) error
}
