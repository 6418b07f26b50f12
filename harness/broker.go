package harness

import (
	"context"
	"net"
	"time"
)

// Backend brings up Kafka.
type Backend interface {
	// Name is what -broker calls it.
	Name() string
	// Start returns a cluster that takes records, for one run. A back end may
	// hand out the same cluster again once it is healthy.
	Start(ctx context.Context, spec ClusterSpec) (Cluster, error)
}

// ClusterSpec is what a run needs of a cluster.
type ClusterSpec struct {
	Nodes     int           // Nodes is the number of brokers. 0: 3.
	Session   time.Duration // Session and Heartbeat are the broker-side settings of the KIP-848 protocol.
	Heartbeat time.Duration
	Dir       string // Dir is where a back end may keep what it has on disk for this run. "": the temporary folder.
}

// Cluster is a running Kafka.
type Cluster interface {
	Seeds() []string // Seeds are the bootstrap addresses, one a node.
	Nodes() []Node   // Nodes are its brokers, in the order of their ids.
	Close() error    // Close gives it back; nothing of the run is left.
}

// Node is one broker.
type Node interface {
	ID() int32
	// Kill ends it as SIGKILL would and returns once it is down.
	Kill(context.Context) error
	// Start brings it back under the same address with the same data and
	// returns once it serves again.
	Start(context.Context) error
}

// Describer is the ability of a back end to say what its figures are worth.
type Describer interface {
	// Describe is a line for the report: what serves as Kafka, and how many nodes.
	Describe() string
	// Modelled reports that no real Kafka ran: figures rank designs, they are
	// no broker benchmark.
	Modelled() bool
}

// Dialing is the ability of a cluster whose network only its own dialer reaches:
// all clients of a run are in this process then, its pods too.
type Dialing interface {
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
}

// Virtual is the ability of a back end to say that its runs must be made in a
// bubble of testing/synctest, where time is virtual: it passes while all wait.
type Virtual interface{ Virtual() bool }

// IsVirtual reports whether the runs of a back end are made in virtual time.
func IsVirtual(b Backend) bool {
	v, ok := b.(Virtual)
	return ok && v.Virtual()
}

// Preparer is the ability of a back end to check, before the first run and
// without starting anything, that it can start, with an error that says what
// to do.
type Preparer interface{ Prepare(context.Context) error }

// Closer is the ability of a back end to release what it kept between runs.
type Closer interface{ Close() error }

// Commit is one group commit as an observer saw it.
type Commit struct {
	At        int64  // At is when it took hold, ns on CLOCK_MONOTONIC.
	ClientID  string // ClientID of the client that committed, "" if unknown.
	Partition int32  // Partition of the source topic.
	Offset    int64  // Offset committed: the next to consume.
	Confirmed bool   // Confirmed: it was seen to hold. False: its outcome is unknown.

	Group         string // Group that it was made for: the run's, or one of the consumer's own.
	Topic         string // Topic is the source, or a side topic.
	MemberID      string // MemberID and Generation are as the request had them, "" and 0 if unknown.
	Generation    int32
	Metadata      string // Metadata committed beside the offset.
	Transactional bool   // Transactional: it took hold with a transaction.
}

// CommitObserver is the ability of a cluster to see commits itself. Without it
// the harness reads __consumer_offsets.
type CommitObserver interface {
	// ObserveCommits calls emit for each commit of the group on the topic, in
	// order, from its return on until stop is called; stop returns after the
	// last call of emit.
	ObserveCommits(group, topic string, emit func(Commit)) (stop func(), err error)
}

// Group is a snapshot of a consumer group.
type Group struct {
	Generation int32
	State      string
	Members    []Member
}

// Member is a member of a [Group].
type Member struct {
	ID         string
	ClientID   string
	Partitions []int32 // Partitions of the source topic assigned to it.
	// Fresh are those of them that it did not have when it joined: it reads them
	// from the group's commit, also where it had them a moment before and lost
	// them unseen. nil where that is not known.
	Fresh []int32
}

// GroupObserver is the ability of a cluster to describe a group itself,
// cheaply. Without it the harness asks by the Kafka protocol.
type GroupObserver interface {
	// DescribeGroup is the group now; a group that does not exist has no members.
	DescribeGroup(ctx context.Context, group, topic string) (Group, error)
}
