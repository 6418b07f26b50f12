package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Facts are what the judge knows of a run in addition to its events. A saved ledger has all of it but Log and Lines,
// as JSON.
type Facts struct {
	Delivery    harness.Delivery         `json:"delivery"` // Delivery and Order are what the consumer claims.
	Order       harness.Order            `json:"order"`
	Redelivery  harness.Redelivery       `json:"redelivery,omitempty"` // Redelivery is which repeats it allows itself.
	Protocol    harness.Protocol         `json:"protocol"`
	Effect      harness.Effect           `json:"effect,omitempty"`      // Effect is where its effects are counted.
	Share       bool                     `json:"share,omitempty"`       // Share: a share group, whose members own no partitions.
	DeadLetters harness.DeadLetterPolicy `json:"dead_letters,omitzero"` // DeadLetters is what the consumer declares as a reason for a dead letter.
	// Parallelism is how many records one pod works on at once, as the consumer declares. 0 is unknown.
	Parallelism int `json:"parallelism,omitempty"`
	// Buffering is how many records one pod may have, fetched and not finished, as the consumer declares. 0: it declares none.
	Buffering int `json:"buffering,omitempty"`
	// ValueSize is the length of a value of the source in bytes, 0 if it is not known.
	ValueSize int `json:"value_size,omitempty"`

	// Producer has the settings of the producer. They say what the log promises.
	Producer harness.ProducerSettings `json:"producer,omitzero"`

	Partitions int `json:"partitions"`
	// Added is how many of the partitions were added during the run. Then keys have moved.
	Added int           `json:"added,omitempty"`
	Log   *Log          `json:"-"`               // Log is the final read.
	Lines []ledger.Line `json:"-"`               // Lines are what the consumer logged, pod by pod. Only timelines need them.
	Final []int64       `json:"final"`           // Final is the group's commit at the end by partition, 0 without one.
	Sides []Side        `json:"sides,omitempty"` // Sides are the side topics. Topic n of the ledger is Sides[n-1].

	Session    time.Duration `json:"session_ns"`
	Heartbeat  time.Duration `json:"heartbeat_ns"`
	Commit     time.Duration `json:"commit_ns"`
	Lock       time.Duration `json:"lock_ns"` // Lock and Deliveries are the settings of a share group.
	Deliveries int           `json:"deliveries"`
	// Volatile: the broker writes down a delivery of a share group only with its acknowledgement,
	// as real Kafka does. After a fault it may deliver the record again with the same count.
	Volatile bool `json:"volatile,omitempty"`
	// DrainEnd is when the drain ended. A record that is completed later still counts as completed.
	DrainEnd time.Duration `json:"drain_end_ns"`
	Limits   Limits        `json:"limits"`
	// Aggressors are the keys that the scenario makes hot, or whose work it lets fail. There are none if
	// end-to-end latency has no meaning in the scenario.
	Aggressors []uint32 `json:"aggressors,omitempty"`

	// Owners names the incarnations by their number, as "pod-1.2". Owners[0] is no incarnation.
	Owners []string `json:"owners"`
	// Ends says why a fault killed an incarnation, where that is more than the name of the fault.
	Ends map[ledger.Owner]string `json:"ends,omitempty"`

	// Faults names the faults in the order of injection.
	Faults []string `json:"faults,omitempty"`

	// Truncations are where unclean elections cut off the source.
	Truncations []Truncation `json:"truncations,omitempty"`

	// Broken has the reason of each broken assumption by its name.
	Broken map[string]string `json:"broken,omitempty"`

	// Unobserved names the checks whose events this back end does not observe.
	Unobserved []string `json:"unobserved,omitempty"`
}

// Limits are objectives of the scenario that checks judge.
type Limits struct {
	// StarvedAfter limits how long a key may wait for its next attempt while later
	// records of its partition have their effects. 0: not judged; waits past 5 s
	// are counted.
	StarvedAfter time.Duration `json:"starved_after_ns,omitempty"`
	// OthersP99 limits the p99 of the end-to-end latency of all keys except the aggressors.
	// 0: not judged; records slower than 1 s are counted.
	OthersP99 time.Duration `json:"others_p99_ns,omitempty"`
}

// Side is a side topic of the run.
type Side struct {
	Name       string       `json:"name"`
	Role       harness.Role `json:"role"`
	Partitions int          `json:"partitions"`
	Final      []int64      `json:"final"` // Final is the commit at the end by partition, the furthest of all groups of the run.
}

// roleOf is the role of a side topic, "" for the source.
func (f *Facts) roleOf(topic uint16) harness.Role {
	if topic == 0 || int(topic) > len(f.Sides) {
		return ""
	}
	return f.Sides[topic-1].Role
}

// topicName is a topic in the report.
func (f *Facts) topicName(topic uint16) string {
	switch {
	case topic == 0:
		return "the source"
	case int(topic) <= len(f.Sides):
		return f.Sides[topic-1].Name
	}
	return "a topic that is not the run's"
}

// describePosition is a position in the report. One in a side topic has its name.
func (f *Facts) describePosition(p ledger.Position) string {
	if p.Topic == 0 {
		return p.String()
	}
	return fmt.Sprintf("%s partition %d offset %d", f.topicName(p.Topic), p.Partition, p.Offset)
}

// isOutput reports whether the event is an output: a record in the output topic of a consumer whose effects are
// its outputs.
func (f *Facts) isOutput(e *ledger.Event) bool {
	return f.Effect == harness.EffectOutput && f.roleOf(e.Topic) == harness.RoleOutput
}

// The names of the assumptions. A broken one makes the verdicts of the checks that need it inconclusive.
const (
	GroupFormed     = "group formed"      // all pods owned partitions before the load began
	LoadDelivered   = "load delivered"    // the producer kept its schedule
	FaultTookEffect = "fault took effect" // every planned fault took effect and was healed
	WorkInFlight    = "work in flight"    // the pod that the fault affects had work to lose
	NoPodStarved    = "no pod starved"    // the group expelled no pod but those that a fault affected
	NoBrokerLost    = "no broker lost"    // every broker ran, but for the faults; a run that breaks it is not judged
	CommitsAnswered = "commits answered"  // no response to a commit took so long that the commit had to come late
	ObserversKeptUp = "observers kept up" // the observers saw commits and owners throughout
	DrainEnded      = "drain ended"       // the run was not cut short
	WorkDone        = "work done"         // at least one appended record had an effect
	LedgerComplete  = "ledger complete"   // journals and the final read are whole
)

// Assumptions are all assumptions, in the order in which they are judged.
var Assumptions = []string{GroupFormed, LoadDelivered, FaultTookEffect, WorkInFlight, NoPodStarved, NoBrokerLost, CommitsAnswered, ObserversKeptUp, DrainEnded, WorkDone, LedgerComplete}

// podName is an incarnation in the report.
func (f *Facts) podName(o ledger.Owner) string {
	if int(o) < len(f.Owners) && o > 0 {
		return f.Owners[o]
	}
	return "an unknown client"
}

// describeEnd is the end of an incarnation in a timeline.
func (f *Facts) describeEnd(o ledger.Owner) string {
	if why := f.Ends[o]; why != "" {
		return textDown + ": " + why
	}
	return textDown
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

// stallAfter is how long no record may be completed, with records outstanding, before that is a stall.
func (f *Facts) stallAfter() time.Duration { return f.Session + 2*f.Commit + 2*time.Second }
