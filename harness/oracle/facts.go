package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Facts are what is known of a run beside the stream of its events.
type Facts struct {
	Delivery harness.Delivery // Delivery and Order are what the consumer claims.
	Order    harness.Order
	Protocol harness.Protocol

	Partitions int
	Log        *Log    // Log is the final read.
	Final      []int64 // Final is the group's commit at the end by partition, 0 without one.

	Session time.Duration
	Commit  time.Duration
	// DrainEnd is when the drain ended; what finished later still counts.
	DrainEnd time.Duration

	// Owners names the incarnations by their number, as "pod-1.2"; Owners[0] is nobody.
	Owners []string

	// Broken has the reason of each broken assumption by its name.
	Broken map[string]string

	// Unobserved names the checks that this back end cannot see.
	Unobserved []string

	unfinished *unfinished // state that several checks share
	rewinds    *rewinds
}

// The assumptions, by name. A broken one makes the checks that lean on it
// inconclusive.
const (
	LoadDelivered   = "load delivered"    // the producer kept its schedule
	FaultHappened   = "fault happened"    // every planned fault took and was healed
	WorkInHand      = "work in hand"      // the struck pod had work to lose
	GroupFormed     = "group formed"      // all pods owned partitions before the load
	ObserversKeptUp = "observers kept up" // commits and owners were seen throughout
	LedgerComplete  = "ledger complete"   // journals and the final read are whole
	PodsFed         = "pods fed"          // no pod was expelled that nobody struck
	DrainEnded      = "drain ended"       // the run was not cut short
)

// Assumptions are all of them, in the order they are judged.
var Assumptions = []string{GroupFormed, LoadDelivered, FaultHappened, WorkInHand, PodsFed, ObserversKeptUp, DrainEnded, LedgerComplete}

// name is what the report calls an incarnation.
func (f *Facts) name(o ledger.Owner) string {
	if int(o) < len(f.Owners) && o > 0 {
		return f.Owners[o]
	}
	return "nobody of ours"
}

// final is the group's last commit of a partition.
func (f *Facts) final(partition int) int64 {
	if partition < len(f.Final) {
		return f.Final[partition]
	}
	return 0
}

// StallAfter is how long nothing may finish, with work left, before it is a stall.
func (f *Facts) StallAfter() time.Duration { return f.Session + 2*f.Commit + 2*time.Second }

// Log is what the final read found: which record lies at which position. It
// keeps two bytes of a hash a position, which tells one record from another
// but for one case in 65,535.
type Log struct {
	topics [][][]uint16 // by topic, partition and offset
	landed int64
}

// NewLog is an empty log.
func NewLog() *Log { return &Log{} }

// Add notes that the record (key, seq) lies at p. Positions of a partition come
// in any order and may have gaps.
func (l *Log) Add(p ledger.Position, key, seq uint32) {
	for int(p.Topic) >= len(l.topics) {
		l.topics = append(l.topics, nil)
	}
	parts := l.topics[p.Topic]
	for int(p.Partition) >= len(parts) {
		parts = append(parts, nil)
	}
	l.topics[p.Topic] = parts
	offsets := parts[p.Partition]
	if grow := int(p.Offset) + 1 - len(offsets); grow > 0 {
		offsets = slices.Grow(offsets, grow)[:len(offsets)+grow]
		parts[p.Partition] = offsets
	}
	if offsets[p.Offset] == 0 {
		l.landed++
	}
	offsets[p.Offset] = mark(key, seq)
}

// mark hashes a record to a number above zero.
func mark(key, seq uint32) uint16 {
	x := uint64(key)<<32 | uint64(seq)
	x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	return uint16(x%65535) + 1
}

// Landed reports whether any record lies at p.
func (l *Log) Landed(p ledger.Position) bool { return l.at(p) != 0 }

// Holds reports whether the record (key, seq) lies at p.
func (l *Log) Holds(p ledger.Position, key, seq uint32) bool { return l.at(p) == mark(key, seq) }

func (l *Log) at(p ledger.Position) uint16 {
	if int(p.Topic) >= len(l.topics) {
		return 0
	}
	parts := l.topics[p.Topic]
	if p.Partition < 0 || int(p.Partition) >= len(parts) || p.Offset < 0 || p.Offset >= int64(len(parts[p.Partition])) {
		return 0
	}
	return parts[p.Partition][p.Offset]
}

// End is one past the last landed offset of a partition.
func (l *Log) End(topic uint16, partition int32) int64 {
	if int(topic) >= len(l.topics) {
		return 0
	}
	parts := l.topics[topic]
	if int(partition) >= len(parts) {
		return 0
	}
	return int64(len(parts[partition]))
}

// Len is the number of landed records of all topics.
func (l *Log) Len() int64 { return l.landed }
