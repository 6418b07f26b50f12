package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// planted is a violation in a run that was legal: where it is, and which checks must fail because
// of it. No other check may.
type planted struct {
	kind  string
	at    []ledger.Position // every check that fails names one of them
	fails []string
	free  bool
}

// plan is a kind of violation. Its function changes a legal run. It returns ok = false if the run
// has no place for the violation; then the run is useless.
type plan struct {
	kind  string
	of    design
	free  bool // free: the trace alone says which checks must fail
	plant func(*simulation) (at []ledger.Position, fails []string, ok bool)
}

// plans lists all kinds, at least one for each check.
func plans() []plan {
	return []plan{
		{"loss", plain, false, plantLoss}, {"loss while undisturbed", plain, false, plantUndisturbedLoss}, {"loss after a disruption", plain, false, plantDisturbedLoss},
		{"loss while undisturbed in a share group", sharing, false, plantUndisturbedLoss},
		{"stall", plain, false, plantStall}, {"overload", plain, false, plantOverload},
		{"lost by broker", plain, false, plantLostByBroker}, {"premature commit", plain, false, plantPrematureCommit},
		{"commit past the end", plain, false, plantCommitPastEnd}, {"stalled commit", plain, false, plantStalledCommit},
		{"unexplained duplicate", plain, false, plantDuplicate}, {"duplicate under exactly-once", plain, false, plantRedelivery},
		{"phantom", plain, false, plantPhantom}, {"key inversion", plain, false, plantInversion}, {"redelivery in reverse", plain, false, plantReverse},
		{"partition inversion", plain, false, plantPartitionOrder}, {"retry overtaking", plain, false, plantOvertaking}, {"overlap", plain, false, plantOverlap},
		{"excess parallelism", plain, false, plantParallelism}, {"excess buffering", plain, false, plantBuffering}, {"starvation", plain, false, plantStarvation}, {"blast radius", plain, false, plantBlast},
		{"commit regression", plain, false, plantCommitRegression}, {"commit after revoke", plain, false, plantLateCommit}, {"zombie", plain, false, plantZombie},
		{"log duplicate", plain, false, plantLogDuplicate}, {"log order", plain, false, plantLogOrder}, {"corruption", plain, false, plantCorruption},
		{"duplicate by a stranger", plain, false, plantStranger}, {"needless rewind", plain, false, plantNeedlessRewind},
		{"twice in a range", plain, false, plantRangeTwice}, {"range after its commit", plain, false, plantLateRange},
		{"range done too early", plain, false, plantEarlyRange},
		{"missing dead letter", plain, false, plantMissingDeadLetter}, {"effect of a dead letter", plain, false, plantEffectOfDeadLetter},
		{"dead letter of an effect", plain, false, plantDeadLetterOfEffect}, {"phantom copy", plain, false, plantPhantomCopy},
		{"dead letter without a failure", plain, false, plantPrematureDeadLetter},
		{"dead letter before its time", plain, false, plantHastyDeadLetter},
		{"output outside the transaction", transactional, false, plantOutputOutside}, {"commit outside the transaction", transactional, false, plantCommitOutside},
		{"output without its commit", transactional, false, plantOutputWithoutCommit}, {"output twice", transactional, false, plantOutputTwice},
		{"commit without its output", transactional, false, plantCommitWithoutOutput},
		{"loss in a share group", sharing, false, plantLoss}, {"twice under one delivery", sharing, false, plantTwiceDelivered},
		{"release of completed work", sharing, false, plantReleaseDone}, {"effect outside a share group", sharing, false, plantOutsiderOfShareGroup},
		{"delivery beyond the limit", sharing, false, plantTooMany}, {"delivery not counted", sharing, false, plantUncounted},
		{"accept after the lock", sharing, false, plantLateAccept},
		{"anything", plain, true, plantAnything}, {"anything in a share group", sharing, true, plantAnything},
		{"anything with transactions", transactional, true, plantAnything}, {"anything with batches", batching, true, plantAnything},
		{"anything with truncations", truncating, true, plantAnything},
		{"redelivery below the commit", plain, true, plantBelowCommit}, {"zombie after its expulsion", plain, true, plantExpelledZombie},
		{"everything twice", plain, false, plantManyRepeats}, {"livelock", plain, true, plantLivelock},
		{"call out of order", batching, false, plantBatchOrder}, {"two calls at once", batching, false, plantBatchOverlap},
	}
}

func kinds() (names []string) {
	for _, p := range plans() {
		names = append(names, p.kind)
	}
	return names
}

const nanosecond = time.Nanosecond

// effects lists the attempts that had an effect, in the order of their ends.
func (w *simulation) effects() (list []*attempt) {
	for _, a := range w.attempts {
		if a.outcome == ledger.OutcomeEffect {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *attempt) int { return int(a.end - b.end) })
	return list
}

// on lists the attempts on one position.
func (w *simulation) on(p ledger.Position) (list []*attempt) {
	for _, a := range w.attempts {
		if a.Position() == p {
			list = append(list, a)
		}
	}
	return list
}

// between lists the events of a partition in an interval, without attempts.
func (w *simulation) between(p ledger.Position, from, to time.Duration) (list []ledger.Event) {
	for _, e := range w.seen {
		if e.Topic == p.Topic && e.Partition == p.Partition && e.Kind != ledger.EventSent && e.Kind != ledger.EventAcked && e.Seen >= from && e.At <= to {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b ledger.Event) int { return int(a.At - b.At) })
	return list
}

// undisturbed reports whether the partition of a position had no change of owner and no commit in
// an interval.
func (w *simulation) undisturbed(p ledger.Position, from, to time.Duration) bool {
	return len(w.between(p, from, to)) == 0
}

func anyOf[T any](w *simulation, list []T) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return pick(w.r, list...), true
}

// again repeats an attempt right after its end.
func (w *simulation) again(a *attempt) *attempt {
	b := *a
	b.At, b.Start, b.end = a.end+nanosecond, a.end+nanosecond, a.end+2*nanosecond
	w.attempts = append(w.attempts, &b)
	return &b
}

// alone lists the effects with no other attempt on their key, no change of owner and no commit
// right after them.
func (w *simulation) alone() (list []*attempt) {
	for _, a := range w.effects() {
		busy := slices.ContainsFunc(w.attempts, func(o *attempt) bool {
			return w.inOrder(o) == w.inOrder(a) && o.At <= a.end+2*nanosecond && o.end > a.end
		})
		if !busy && w.undisturbed(a.Position(), a.At, a.end+2*nanosecond) {
			list = append(list, a)
		}
	}
	return list
}

// single lists the effects that are the only attempt on their record.
func (w *simulation) single() (list []*attempt) {
	for _, a := range w.effects() {
		if len(w.on(a.Position())) == 1 {
			list = append(list, a)
		}
	}
	return list
}

// sourceRecords lists the records of the source.
func (w *simulation) sourceRecords() (list []*simRecord) {
	for _, p := range w.parts[:w.facts.Partitions] {
		list = append(list, p.records...)
	}
	return list
}

// appended lists the copies in the topic of a role.
func (w *simulation) appended(role harness.Role) (list []*ledger.Event) {
	for i := range w.seen {
		if e := &w.seen[i]; e.Kind == ledger.EventCopied && w.facts.roleOf(e.Topic) == role {
			list = append(list, e)
		}
	}
	return list
}

// isUp reports whether a member is up at a time, and not paused.
func (w *simulation) isUp(m *member, when time.Duration) bool {
	for _, e := range w.seen {
		if e.Owner == m.owner && (e.Kind == ledger.EventUp && e.At > when || e.Kind == ledger.EventDown && e.At <= when) {
			return false
		}
	}
	return !slices.ContainsFunc(w.trace.outages, func(o outage) bool { return o.of == m && o.from <= when && when <= o.to })
}
