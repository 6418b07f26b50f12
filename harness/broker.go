package harness

import (
	"context"
	"net"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
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

// Rewind is a member that asked for the commit of a partition, to read on from
// there, and was told.
type Rewind struct {
	At           int64 // At is when it asked, ns on CLOCK_MONOTONIC.
	ClientID     string
	Group, Topic string
	Partition    int32
}

// Acquisition is a range of records, [From, To), that a share group gave to a
// member.
type Acquisition struct {
	At           int64 // At is when the broker told the member, ns on CLOCK_MONOTONIC.
	ClientID     string
	Group, Topic string
	Partition    int32
	From, To     int64
	Deliveries   int // Deliveries of each of them, with this one.
}

// Acknowledgement is a member's answer to a share group for one record.
type Acknowledgement struct {
	At           int64 // At is when the broker had the answer, ns on CLOCK_MONOTONIC.
	ClientID     string
	Group, Topic string
	Partition    int32
	Offset       int64
	Ack          ledger.Ack
	// Outcome is confirmed where the broker took the answer, failed where it
	// refused it, as it does after the lock's expiry, and else unknown.
	Outcome ledger.Outcome
}

// Transaction is the end of a transaction.
type Transaction struct {
	At       int64 // At is when the broker was asked to end it, ns on CLOCK_MONOTONIC.
	ClientID string
	ID       string // ID is the transactional id.
	// Outcome is confirmed (committed), cancelled (aborted) or unknown.
	Outcome ledger.Outcome
}

// Assignment is what the leader of a classic group gave to the members of a new
// generation, who may each learn of it later. The client id of a member may be "":
// it is not known yet.
type Assignment struct {
	At, Seen int64 // At and Seen bound when the group took it, ns on CLOCK_MONOTONIC.
	Group    Group
}

// GroupEvents are what an observer of groups is told, each kind of one client in
// order. A function that is nil is not called; the others may be called by several
// goroutines at once, and may not call the cluster.
type GroupEvents struct {
	Commit      func(Commit)
	Assign      func(Assignment)
	Rewind      func(Rewind)
	Acquire     func(Acquisition)
	Acknowledge func(Acknowledgement)
	Transaction func(Transaction)
}

// GroupObserver is the ability of a cluster to see what groups do itself.
// Without it the harness asks by the Kafka protocol and reads
// __consumer_offsets. Groups are named by what their names start with.
type GroupObserver interface {
	// ObserveGroups tells what is seen of the groups, and of all transactions, from
	// its return on until stop is called; stop returns after the last call.
	ObserveGroups(prefix string, see GroupEvents) (stop func(), err error)
	// DescribeGroups are those of the groups that exist now, sorted by name.
	DescribeGroups(ctx context.Context, prefix string) ([]Group, error)
}

// ShareConfigurer is the ability of a cluster to set share groups up its own way.
// Without it the harness sets what Kafka has for one group.
type ShareConfigurer interface {
	// ConfigureShareGroup has the group begin at the start of the log, lock what it
	// hands out for a time, and hand each record out that often at most.
	ConfigureShareGroup(ctx context.Context, group string, lock time.Duration, deliveries int) error
}

// Group is a snapshot of a consumer group.
type Group struct {
	Name       string
	Generation int32
	State      string
	Members    []Member
}

// Member is a member of a [Group].
type Member struct {
	ID         string
	ClientID   string
	Partitions map[string][]int32 // Partitions assigned to it, by topic.
	// Fresh are those of them that it did not have when it joined: it reads them
	// from the group's commit, also where it had them a moment before and lost
	// them unseen. nil where that is not known.
	Fresh map[string][]int32
}
