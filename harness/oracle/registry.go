package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
)

// entry is a check as its file registers it. All that the judge, the timelines, the tests and
// CHECKS.md know of a check comes from here.
type entry struct {
	name    string  // name is the check's constant.
	gravity gravity // gravity is the place of the check among all others.
	finds   string  // finds says in one line what the check counts.
	claim   string  // claim says whom heldTo holds to it.
	direct  string  // direct is what the check sees of real Kafka without the wire, "" if that is as much.

	// heldTo is the promise that the consumer of a run broke if the check found anything, "" if it made
	// none. nil: the check holds no consumer to anything.
	heldTo func(*Facts) string
	// repeats: what the check finds is a repeat, or leads to one. It is a warning for a consumer that
	// allows itself any repeats.
	repeats bool
	// needs are the assumptions without which the verdict is inconclusive, whatever the check found.
	needs []string
	// sends reports whether the check needs the outcomes of all sends. nil: it does not.
	sends func(*Facts) bool
	// wire: the check needs a back end that sees what clients and brokers send each other.
	wire bool
	// marks is the kind of event that the check's anomalies are.
	marks evidenceKind

	// newCheck makes a check with a state of its own. verdict is the verdict of a check that reads
	// a state it shares with others. A check has one of the two. The engine judges a check with neither.
	newCheck func(*judgeState) check
	verdict  func(*judgeState) harness.Verdict
}

// gravity orders the checks: verdicts are listed by ascending gravity, the worst first. It is a class, and
// the place of the check in its class.
type gravity int

const (
	podsFailed       gravity = (iota + 1) * 100 // a pod did not live as planned
	recordsLost                                 // records are gone, or the log is wrong
	commitsWrong                                // progress and commits are wrong: a crash may lose or repeat records
	outcomesWrong                               // a record was completed twice, or given up without a reason
	recordsAltered                              // a record is not what was sent
	orderBroken                                 // work was done out of order
	designCosts                                 // what a design costs; most consumers promise nothing here
	limitsOverridden                            // work was too much, too late or unfair
)

// evidenceKind is the kind of event that the anomalies of a check are. The timeline highlights it.
type evidenceKind int

const (
	marksEnd    evidenceKind = iota // the end of an attempt, a copy, or an acknowledgement
	marksStart                      // the start of an attempt
	marksCommit                     // a commit past the record
	marksOwner                      // an owner that got the partition
	marksFetch                      // a request for more records
	marksOutput                     // an output, or a commit at the anomaly's own offset
)

// registered are the entries in the order of registration.
var registered []entry

// register adds a check. Call it from a package variable. A name or a gravity that another check has is
// a programmer's error and panics.
func register(e entry) entry {
	for _, other := range registered {
		if e.name == other.name || e.gravity == other.gravity {
			panic(fmt.Sprintf("register check %q: %q has the same name or gravity", e.name, other.name))
		}
	}
	registered = append(registered, e)
	return e
}

// entries are the registered checks, the gravest first.
func entries() []entry {
	return slices.SortedFunc(slices.Values(registered), func(a, b entry) int { return cmp.Compare(a.gravity, b.gravity) })
}

// judgedEntries are the checks that the judge decides, the gravest first.
func judgedEntries() []entry {
	return slices.DeleteFunc(entries(), func(e entry) bool { return e.newCheck == nil && e.verdict == nil })
}

// Checks are the names of all checks, the gravest first. [CheckPodLiveness] is among them.
func Checks() (names []string) {
	for _, e := range entries() {
		names = append(names, e.name)
	}
	return names
}

// FindCheck returns an error if no check has the name. The error says which check has the nearest one.
func FindCheck(name string) error {
	names := Checks()
	if slices.Contains(names, name) {
		return nil
	}
	return harness.UnknownName("check", name, names)
}

// WireChecks are the checks that a back end does not observe if it does not see the wire.
func WireChecks() (names []string) {
	for _, e := range entries() {
		if e.wire {
			names = append(names, e.name)
		}
	}
	return names
}

// CountedChecks are the checks that hold no consumer to a promise: they only count.
func CountedChecks() (names []string) {
	for _, e := range entries() {
		if e.heldTo == nil {
			names = append(names, e.name)
		}
	}
	return names
}

// promise is what the consumer of a run promised about a check, "" for nothing.
func (e *entry) promise(f *Facts) string {
	if e.heldTo == nil || e.warns(f) {
		return ""
	}
	return e.heldTo(f)
}

// warns reports whether a finding of the check is a warning for the consumer of a run.
func (e *entry) warns(f *Facts) bool {
	return e.repeats && f.Redelivery.AllowsAny() && f.Delivery == harness.AtLeastOnce && e.heldTo(f) != ""
}

// heldToDelivery holds a consumer that claims at-least-once or more.
func heldToDelivery(f *Facts) string {
	if f.Delivery != harness.AtLeastOnce && f.Delivery != harness.ExactlyOnce {
		return ""
	}
	return string(harness.AtLeastOnce)
}

// heldToKeyOrder holds a consumer that claims an order by key or by partition.
func heldToKeyOrder(f *Facts) string {
	if f.Order != harness.OrderKey && f.Order != harness.OrderPartition {
		return ""
	}
	return "order by " + string(f.Order)
}

// heldToPartitionOrder holds a consumer that claims an order by partition.
func heldToPartitionOrder(f *Facts) string {
	if f.Order != harness.OrderPartition {
		return ""
	}
	return "order by partition"
}

// heldToShare holds a consumer in a share group.
func heldToShare(promise string) func(*Facts) string {
	return func(f *Facts) string {
		if !f.Share {
			return ""
		}
		return promise
	}
}

// heldToProducer holds the producer and the brokers to what the producer's settings promise.
// They have the same promise for every consumer.
func heldToProducer(promises func(harness.ProducerSettings) bool) func(*Facts) string {
	return func(f *Facts) string {
		switch {
		case !promises(f.Producer):
			return ""
		case f.Producer.NotIdempotent:
			return "the producer's settings: " + f.Producer.String()
		}
		return "acks=all, idempotent producer"
	}
}

// heldAlways holds every consumer.
func heldAlways(promise string) func(*Facts) string { return func(*Facts) string { return promise } }

// verdictOf is the verdict of a check that has only findings and no detail.
func verdictOf(found func(*judgeState) *findings) func(*judgeState) harness.Verdict {
	return func(s *judgeState) harness.Verdict { return found(s).toVerdict("") }
}

// marksOf is what the anomalies of a check are.
func marksOf(name string) evidenceKind {
	for _, e := range registered {
		if e.name == name {
			return e.marks
		}
	}
	return marksEnd
}
