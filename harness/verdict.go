package harness

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Status is the outcome of a run, or of one check of it.
type Status string

// The statuses; CHECKS.md of the oracle says when a run gets which.
const (
	Pass         Status = "pass"
	Fail         Status = "fail"
	Overload     Status = "overload"
	Inconclusive Status = "inconclusive"
	Skipped      Status = "skipped"
	NotMade      Status = "error"        // of a run: an error prevented it, so there is nothing to judge
	NotObserved  Status = "not observed" // of a check: this back end cannot see what it needs
	NotJudged    Status = "not judged"   // of a check: counted, but this consumer does not claim it
	Warning      Status = "warning"      // of a check: it found what [RedeliveryAny] allows; the run does not fail by it
)

// Assumption is a condition of the run without which its verdicts mean nothing.
type Assumption struct {
	Name   string `json:"name"`
	Held   bool   `json:"held"`
	Detail string `json:"detail"`
}

// Verdict is the result of one check: what was observed against what is claimed.
type Verdict struct {
	Check  string `json:"check"`
	HeldTo string `json:"held_to"` // HeldTo is the claim that it judges, as "at-least-once" or "order by key"; "" where it only counts.
	Status Status `json:"status"`
	Count  int64  `json:"count"` // Count of anomalies.
	Detail string `json:"detail,omitempty"`
	// AtMost is what a pass proves: with 95 % confidence, at most this share of the
	// injections of such a run leads to an anomaly, or of its records if it had no
	// injection. 0 where the check did not pass.
	AtMost   float64   `json:"at_most,omitempty"`
	Examples []Anomaly `json:"examples,omitempty"` // Examples are the first few anomalies.
}

// Anomaly is one violation, with what is needed to follow it.
type Anomaly struct {
	Text         string          `json:"text"` // Text says what happened. Its first line is a sentence.
	*RecordPlace                 // RecordPlace is nil if no record is meant, for instance at the end of a pod.
	Pods         []string        `json:"pods,omitempty"`
	At           time.Duration   `json:"at_ns"`
	Timeline     []TimelineEntry `json:"timeline,omitempty"` // Timeline is what happened around it, in order of time; the first example of a verdict has one.
}

// RecordPlace is a record and where it lies. Key and Seq are [ledger.NoIdentity] if only
// the place is known. Topic is 0 for the source, else the number of a side topic.
type RecordPlace struct {
	Key       uint32 `json:"key"`
	Seq       uint32 `json:"seq"`
	Topic     uint16 `json:"topic,omitempty"`
	TopicName string `json:"topic_name,omitempty"` // TopicName is the name of a side topic as it is declared.
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// DescribeRecord is what is known of the record, in words. It is empty for nil.
func (r *RecordPlace) DescribeRecord() (words []string) {
	if r == nil {
		return nil
	}
	if r.Key != ledger.NoIdentity || r.Seq != ledger.NoIdentity {
		words = append(words, fmt.Sprintf("key %d", r.Key), fmt.Sprintf("seq %d", r.Seq))
	}
	place := fmt.Sprintf("partition %d offset %d", r.Partition, r.Offset)
	if r.Topic > 0 {
		name := r.TopicName
		if name == "" { // an anomaly that the judge has not settled
			name = fmt.Sprintf("side topic %d", r.Topic)
		}
		place = name + " " + place
	}
	return append(words, place)
}

// TimelineEntry is one event in the timeline of an [Anomaly]: of the record and its
// copies, of the work on it and on neighbours of its key, of commits, owners and
// faults.
type TimelineEntry struct {
	At    time.Duration `json:"at_ns"`
	Until time.Duration `json:"until_ns,omitempty"` // Until is when it ended, 0 for an event without duration.
	Track string        `json:"track"`              // Track is where it happened: record, commits, owner, faults, or an incarnation.
	Text  string        `json:"text"`
	Bad   bool          `json:"bad,omitempty"` // Bad marks the event that is the anomaly.
	// Omitted is how many events of the track, from At until Until, this entry stands
	// for; 0 for an entry that is an event itself.
	Omitted int `json:"omitted,omitempty"`
}

// ObjectiveVerdict says whether a run met an objective.
type ObjectiveVerdict string

// The verdicts on an objective. A missing value is never met. Undecided: the limit lies within
// the confidence bounds of the value, and a longer load would tell.
const (
	ObjectiveMet       ObjectiveVerdict = "met"
	ObjectiveMissed    ObjectiveVerdict = "missed"
	ObjectiveMissing   ObjectiveVerdict = "missing"
	ObjectiveUndecided ObjectiveVerdict = "undecided"
)

// ObjectiveResult is one objective of a run: what was asked, and what was measured.
type ObjectiveResult struct {
	Objective string           `json:"objective"` // Objective as p99<500ms.
	Verdict   ObjectiveVerdict `json:"verdict"`
	Measured  string           `json:"measured"`      // Measured is the value in words, with its bounds; "-" without one.
	Why       string           `json:"why,omitempty"` // Why it is not met.
	// Value is the measured value in seconds, bytes, records or a share of 1. Upper and Lower
	// are its confidence bounds. nil: there is none, or it is infinite.
	Value *float64 `json:"value,omitempty"`
	Lower *float64 `json:"lower,omitempty"`
	Upper *float64 `json:"upper,omitempty"`
	// Check is the check that judges the objective: the run fails by that.
	Check string `json:"check,omitempty"`
	// Inapplicable: a run of this kind has no such value, as a run without faults has no recovery.
	Inapplicable bool `json:"inapplicable,omitempty"`
}
