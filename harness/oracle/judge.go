package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// check looks at the events of a run and says what it found. It keeps only
// its own state and is used for one run, by one goroutine.
type check interface {
	// Observe is given the next events. They are valid during the call alone.
	Observe(*batch)
	// Verdict is called once, after the last Observe. It fills Count, Detail and
	// Examples; the rest is the judge's.
	Verdict() harness.Verdict
}

// Observer sees the same replay as the checks: the measures.
type Observer interface{ Observe([]ledger.Event) }

// Source yields a run's events in time order, none at the end; see
// [ledger.Stream]. They are valid until the next call, and the judge marks them.
type Source interface {
	Next() ([]ledger.Event, error)
}

// entry is a check in the table: to which claims it is held, the assumptions it leans
// on, and either how to make it, or its verdict by what checks share.
type entry struct {
	name    string
	make    func(*judgeState) check
	verdict func(*judgeState) harness.Verdict // verdict is instead of make
	heldTo  func(*Facts) string               // heldTo is "" where this consumer does not claim it
	leans   []string
}

// table lists the checks, the gravest first. A new check is a file of its own
// that ends in an entry here.
func table() []entry {
	return []entry{
		lossEntry, unexplainedLossEntry, brokerLossEntry, logDuplicateEntry, logOrderEntry,
		stallEntry, pendingEntry, commitRegressionEntry, behindEntry,
		unexplainedEntry, completenessEntry, unfoundedEntry, atomicityEntry, deliveryCountEntry, expiredEntry,
		phantomEntry, corruptionEntry,
		inversionEntry, overtakingEntry, overlapEntry, zombieEntry,
		partitionEntry,
		explainedEntry, regressionEntry, afterRevokeEntry, unfencedEntry,
		parallelismEntry, starvationEntry, blastEntry,
		overloadEntry,
	}
}

// Checks are the names of all checks, the gravest first.
func Checks() (names []string) {
	for _, e := range table() {
		names = append(names, e.name)
	}
	return names
}

// Found is what the checks found in a run. What it is worth depends on the
// assumptions, and some of those only the replay itself shows: see [Found.Settle].
type Found struct {
	facts      *Facts
	injections int64             // faults that took hold
	verdicts   []harness.Verdict // by check, as in the table
}

// Judge replays src once for all checks and observers and returns what the checks
// found. The observers see the events beside it, in a goroutine. Its error is the
// source's.
func Judge(f *Facts, src Source, observers ...Observer) (*Found, error) {
	j := newJudgeState(f)
	pump := newAnnotator(j, src, observers)
	for {
		b, err := pump.nextBatch()
		if err != nil {
			return nil, fmt.Errorf("judge: %w", err)
		}
		if b == nil {
			return &Found{f, pump.injections, j.checkVerdicts()}, nil
		}
		j.observeBatch(b)
	}
}

// Settle turns what was found into verdicts on what was claimed, the gravest check
// first. broken has the reason of each broken assumption by its name: those of
// [Facts], and what the replay has shown.
func (found *Found) Settle(broken map[string]string) []harness.Verdict {
	verdicts := slices.Clone(found.verdicts)
	for i, e := range table() {
		found.settleVerdict(e, broken, &verdicts[i])
	}
	return verdicts
}

// asPlanned are the assumptions that the run was what the scenario says. What a check
// finds in another run is found all the same, but that it finds nothing proves nothing. Nor
// does it where no record had an effect. That is no check, since it breaks no claim: all
// may be poison, and all dead letters.
var asPlanned = []string{GroupFormed, LoadDelivered, FaultTookEffect, WorkInFlight, WorkDone}

// settleVerdict turns what a check found into a verdict on what was claimed.
func (found *Found) settleVerdict(e entry, broken map[string]string, v *harness.Verdict) {
	v.Check, v.HeldTo = e.name, e.heldTo(found.facts)
	switch {
	case slices.Contains(found.facts.Unobserved, e.name):
		v.Status = harness.NotObserved
		return
	case v.HeldTo == "":
		v.Status = harness.NotJudged
		return
	}
	if why, is := firstBroken(broken, e.leans); is {
		v.Status, v.Detail = harness.Inconclusive, why
		return
	}
	if v.Count > 0 {
		v.Status = harness.Fail
		return
	}
	if why, is := firstBroken(broken, asPlanned); is {
		v.Status, v.Detail = harness.Inconclusive, "nothing was found, but "+why
		return
	}
	v.Status, v.AtMost = harness.Pass, found.bound()
}

// firstBroken is the first of some assumptions that is broken, with its reason.
func firstBroken(broken map[string]string, of []string) (why string, is bool) {
	for _, a := range of {
		if why, is := broken[a]; is {
			return a + ": " + why, true
		}
	}
	return "", false
}

// bound is the share of trials that goes wrong at most, with 95 % confidence, if
// none did: violations cluster by fault, so that injections are the trials where there
// were any, and records where there were none.
func (found *Found) bound() float64 {
	trials := found.injections
	if trials == 0 {
		trials = found.facts.Log.Len()
	}
	if trials == 0 {
		return 1
	}
	return 1 - math.Pow(0.05, 1/float64(trials))
}

// The guarantees that checks are held to, in words.
func heldToAtLeastOnce(f *Facts) string {
	if f.Delivery == harness.AtMostOnce {
		return ""
	}
	return string(harness.AtLeastOnce)
}

func heldToKeyOrder(f *Facts) string {
	if f.Order == harness.OrderNone {
		return ""
	}
	return "order by key"
}

func heldToPartitionOrder(f *Facts) string {
	if f.Order != harness.OrderPartition {
		return ""
	}
	return CheckPartitionInversion
}

func heldAlways(what string) func(*Facts) string { return func(*Facts) string { return what } }

func heldToNothing(*Facts) string { return "" }

// isEffect reports whether the event is an effect.
func isEffect(e *ledger.Event) bool {
	return e.Kind == ledger.EventEnd && e.Outcome == ledger.OutcomeEffect
}
