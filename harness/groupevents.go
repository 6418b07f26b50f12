package harness

import (
	"context"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// GroupObserver is the ability of a cluster to see by itself what groups do.
// Without it the harness asks by the Kafka protocol and reads
// __consumer_offsets. A prefix of their names selects groups.
type GroupObserver interface {
	// ObserveGroups reports to see what happens in the groups, and all transactions,
	// from its return until stop is called. stop returns after the last call.
	ObserveGroups(prefix string, see GroupEvents) (stop func(), err error)
	// DescribeGroups are the groups that exist now, sorted by name.
	DescribeGroups(ctx context.Context, prefix string) ([]Group, error)
}

// WireObserver is the ability of a cluster to see what the clients behind its fronts and its
// brokers say to each other. The harness adds that to what it reads from __consumer_offsets
// and asks by the Kafka protocol.
type WireObserver interface {
	// ObserveWire reports to see what clients do in the groups whose names have the prefix, and
	// all transactions, until stop is called. It never calls see.Commit and see.Assign. stop
	// returns after the last call.
	ObserveWire(prefix string, see GroupEvents) (stop func())
}

// GroupEvents are the callbacks of an observer of groups. Each kind of event of one
// client comes in order. A nil callback is not called. Several goroutines may call
// the others at once. A callback may not call the cluster.
type GroupEvents struct {
	Commit      func(Commit)
	Assign      func(GroupAssignment)
	Rewind      func(Rewind)
	Reset       func(Reset)
	Fetch       func(Fetch)
	Leave       func(Leave)
	Acquire     func(Acquisition)
	Acknowledge func(Acknowledgement)
	Transaction func(Transaction)
	// CommitRequest is called for each commit that a client asks for: before the broker gets it,
	// and when the exchange has ended.
	CommitRequest func(CommitRequest)
	// Join is called for each member of a classic or a share group, also more than once.
	Join         func(GroupJoin)
	AssignMember func(MemberAssignment)
	// Exchange is called once for each request about the groups or about a transaction, when
	// it is over, and after what the request showed.
	Exchange func(Exchange)
}

// Exchange says when a request and its response passed.
type Exchange struct {
	ClientID string
	Node     int32
	APIKey   int16 // APIKey is the Kafka API key of the request.
	ledger.ExchangeTimes
}

// Commit is one group commit as an observer saw it.
type Commit struct {
	At        int64  // At is when it took effect, ns on CLOCK_MONOTONIC.
	Asked     int64  // Asked is when the client of a transaction asked for it, 0: at At. It means the topic of that time.
	ClientID  string // ClientID of the client that committed, "" if unknown.
	Partition int32
	Offset    int64 // Offset committed: the next to consume.
	Confirmed bool  // Confirmed: the group was seen to have it.
	Refused   bool  // Refused: the group was seen not to take it. Neither: its outcome is unknown.

	Group         string // Group is the run's group, or one that the consumer created.
	Topic         string // Topic is the source, or a side topic.
	MemberID      string // MemberID and Generation are those of the request, "" and 0 if unknown.
	Generation    int32
	Metadata      string // Metadata is what the request stored with the offset.
	Transactional bool   // Transactional: it took effect with a transaction.
	Late          bool   // Late: it took effect after its client had given it up, and after a commit that was asked for later.
}

// CommitRequest is a commit that a client asked for. At is when the broker got it.
type CommitRequest struct {
	Commit
	ID         uint64 // ID is the same for the commits of one request, and no other.
	ProducerID int64  // ProducerID is that of the transaction, if it is transactional.
	Ended      bool   // Ended: the exchange is over. A commit that is neither confirmed nor refused then has an unknown outcome.
	AnsweredAt int64  // AnsweredAt is when the broker answered, 0 if it did not.
	Code       int16  // Code is the error code with which the broker refused it, 0 if it did not.
}

// GroupJoin says which client a member of a group is.
type GroupJoin struct{ Group, MemberID, ClientID string }

// MemberAssignment is what the coordinator of a KIP-848 group assigned to one member, or that
// the member left. It happened between At and Seen, ns on CLOCK_MONOTONIC.
type MemberAssignment struct {
	At, Seen   int64
	Group      string
	Generation int32 // Generation is the member's epoch.
	Member     Member
	Left       bool
}

// GroupAssignment is what the leader of a classic group assigned to the members of
// a new generation. Each member may learn of it later. The client id of a member
// may be "" while it is not known.
type GroupAssignment struct {
	At, Seen int64 // At and Seen are the earliest and the latest time at which the group took it, ns on CLOCK_MONOTONIC.
	Group    Group
}

// Rewind is a member that fetched the commit of a partition, to read on from there.
type Rewind struct {
	At           int64 // At is when it sent the request, ns on CLOCK_MONOTONIC.
	ClientID     string
	Group, Topic string
	Partition    int32
	Offset       int64 // Offset is the commit that the broker answered, or NoCommit.
}

// Leave is a member that left its group by a request of its own.
type Leave struct {
	At       int64 // At is when it sent the request, ns on CLOCK_MONOTONIC.
	ClientID string
	Group    string
	MemberID string // MemberID is "" if the request names a static member by its instance alone.
}

// Reset is a member that got the start or the end of a log: it reads on from there, as it has
// no commit, or its offset is out of range.
type Reset struct {
	At        int64 // At is when the broker answered it, ns on CLOCK_MONOTONIC.
	ClientID  string
	Topic     string
	Partition int32
	Offset    int64
	Latest    bool // Latest: it is the end of the log.
}

// Fetch is a client that asks for the records of a partition from an offset on. It has those
// before.
type Fetch struct {
	At        int64 // At is when the broker got the request, ns on CLOCK_MONOTONIC.
	ClientID  string
	Topic     string
	Partition int32
	Offset    int64
}

// NoCommit is the answer of a broker that has no commit of a partition.
const NoCommit = -1

// Acquisition is a range of records, [From, To), that a member of a share group
// acquired.
type Acquisition struct {
	At           int64 // At is when the broker answered the member, ns on CLOCK_MONOTONIC.
	ClientID     string
	Group, Topic string
	Partition    int32
	From, To     int64
	Deliveries   int // Deliveries of each record, with this one.
}

// Acknowledgement is what a member of a share group reports for one record.
type Acknowledgement struct {
	At           int64 // At is when the broker had it, ns on CLOCK_MONOTONIC.
	ClientID     string
	Group, Topic string
	Partition    int32
	Offset       int64
	Ack          ledger.Ack
	// Outcome is confirmed where the broker accepted it, failed where the broker
	// refused it, as after the lock expired, and else unknown.
	Outcome ledger.Outcome
}

// Transaction is the end of a transaction.
type Transaction struct {
	At       int64 // At is when the client asked the broker to end it, ns on CLOCK_MONOTONIC.
	ClientID string
	ID       string // ID is the transactional id.
	// ProducerID is that of the client in the transaction.
	ProducerID int64
	// Outcome is confirmed (committed), cancelled (aborted) or unknown.
	Outcome ledger.Outcome
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
	InstanceID string             // InstanceID is that of a static member, where it is known.
	Partitions map[string][]int32 // Partitions assigned to it, by topic.
	// Fresh are those of Partitions that it did not have when it joined. It reads
	// them from the group's commit, even if it lost them for a moment that no
	// observer saw. nil where that is not known.
	Fresh map[string][]int32
}
