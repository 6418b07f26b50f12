package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Facts are what is known of a run beside the stream of its events. All but Log
// is kept beside a saved ledger, as JSON.
type Facts struct {
	Delivery    harness.Delivery         `json:"delivery"` // Delivery and Order are what the consumer claims.
	Order       harness.Order            `json:"order"`
	Protocol    harness.Protocol         `json:"protocol"`
	Effect      harness.Effect           `json:"effect,omitempty"` // Effect is where its effects are counted.
	Share       bool                     `json:"share,omitempty"`  // Share: a share group, in which nobody owns partitions.
	DeadLetters harness.DeadLetterPolicy `json:"letters,omitzero"` // DeadLetters is what founds a dead letter, as declared.
	// Parallelism is how many records one pod works on at once, as declared; 0 is not known.
	Parallelism int `json:"parallelism,omitempty"`

	Partitions int     `json:"partitions"`
	Log        *Log    `json:"-"`               // Log is the final read.
	Final      []int64 `json:"final"`           // Final is the group's commit at the end by partition, 0 without one.
	Sides      []Side  `json:"sides,omitempty"` // Sides are the side topics: topic n of the ledger is Sides[n-1].

	Session    time.Duration `json:"session_ns"`
	Heartbeat  time.Duration `json:"heartbeat_ns"`
	Commit     time.Duration `json:"commit_ns"`
	Lock       time.Duration `json:"lock_ns"` // Lock and Deliveries are the settings of a share group.
	Deliveries int           `json:"deliveries"`
	// DrainEnd is when the drain ended; what finished later still counts.
	DrainEnd   time.Duration      `json:"drain_end_ns"`
	Thresholds harness.Thresholds `json:"thresholds"`
	// Aggressors are the keys that the scenario makes hot, or lets fail; none where
	// end-to-end latency means nothing.
	Aggressors []uint32 `json:"aggressors,omitempty"`

	// Owners names the incarnations by their number, as "pod-1.2"; Owners[0] is nobody.
	Owners []string `json:"owners"`

	// Faults names the faults in the order of injection.
	Faults []string `json:"faults,omitempty"`

	// Broken has the reason of each broken assumption by its name.
	Broken map[string]string `json:"broken,omitempty"`

	// Unobserved names the checks that this back end cannot see.
	Unobserved []string `json:"unobserved,omitempty"`
}

// AckChecks are the checks that take a back end that sees the requests of a group's
// members: the answers in a share group.
var AckChecks = []string{CheckAckAfterLockExpiry}

// Side is a side topic of the run.
type Side struct {
	Name       string       `json:"name"`
	Role       harness.Role `json:"role"`
	Partitions int          `json:"partitions"`
	Final      []int64      `json:"final"` // Final is the commit at the end by partition, the furthest of all groups of the run.
}

// roleOf is what a topic is for, "" for the source.
func (f *Facts) roleOf(topic uint16) harness.Role {
	if topic == 0 || int(topic) > len(f.Sides) {
		return ""
	}
	return f.Sides[topic-1].Role
}

// topicName is what the report calls a topic.
func (f *Facts) topicName(topic uint16) string {
	switch {
	case topic == 0:
		return "the source"
	case int(topic) <= len(f.Sides):
		return f.Sides[topic-1].Name
	}
	return "a topic that is none of the run's"
}

// isOutput reports whether the event is an effect that no attempt made: a record
// in the output topic of a consumer whose effects lie there.
func (f *Facts) isOutput(e *ledger.Event) bool {
	return f.Effect == harness.EffectOutput && f.roleOf(e.Topic) == harness.RoleOutput
}

// The assumptions, by name. A broken one makes the checks that lean on it
// inconclusive.
const (
	LoadDelivered   = "load delivered"    // the producer kept its schedule
	FaultTookEffect = "fault took effect" // every planned fault took and was healed
	WorkInFlight    = "work in flight"    // the struck pod had work to lose
	GroupFormed     = "group formed"      // all pods owned partitions before the load
	ObserversKeptUp = "observers kept up" // commits and owners were seen throughout
	LedgerComplete  = "ledger complete"   // journals and the final read are whole
	NoPodStarved    = "no pod starved"    // no pod was expelled that nobody struck
	DrainEnded      = "drain ended"       // the run was not cut short
	WorkDone        = "work done"         // of what landed, something was worked on
)

// Assumptions are all of them, in the order they are judged.
var Assumptions = []string{GroupFormed, LoadDelivered, FaultTookEffect, WorkInFlight, NoPodStarved, ObserversKeptUp, DrainEnded, WorkDone, LedgerComplete}

// podName is what the report calls an incarnation.
func (f *Facts) podName(o ledger.Owner) string {
	if int(o) < len(f.Owners) && o > 0 {
		return f.Owners[o]
	}
	return "nobody of ours"
}

// finalCommit is the group's last commit of a partition of the source.
func (f *Facts) finalCommit(partition int) int64 {
	return f.finalCommitAt(ledger.Position{Partition: int32(partition)})
}

// finalCommitAt is the last commit of the partition that a position lies in.
func (f *Facts) finalCommitAt(p ledger.Position) int64 {
	final := f.Final
	if p.Topic > 0 {
		if int(p.Topic) > len(f.Sides) {
			return 0
		}
		final = f.Sides[p.Topic-1].Final
	}
	if p.Partition >= 0 && int(p.Partition) < len(final) {
		return final[p.Partition]
	}
	return 0
}

// stallAfter is how long nothing may finish, with work left, before it is a stall.
func (f *Facts) stallAfter() time.Duration { return f.Session + 2*f.Commit + 2*time.Second }
