package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// check looks at the events of one run. It keeps its own state. One goroutine uses it.
type check interface {
	// Observe gets the next events, which are valid during the call.
	Observe(*batch)
	// Verdict is called once, after the last Observe. It fills Count, Detail and Examples. The judge fills the
	// rest.
	Verdict() harness.Verdict
}

// Observer sees the same replay as the checks: the measures.
type Observer interface{ Observe([]ledger.Event) }

// Source yields a run's events in time order, and none at the end; see [ledger.Stream]. It may use the memory
// of a list for them. The judge marks them.
type Source interface {
	Next(into []ledger.Event) ([]ledger.Event, error)
}

// Found is what the checks found in a run. Its worth depends on the assumptions, and the replay itself shows
// some of those: see [Found.Settle].
type Found struct {
	facts      *Facts
	injections int64             // injections are faults that took effect.
	verdicts   []harness.Verdict // verdicts are in the order of [judgedEntries].
}

// Judge replays src once for all checks and observers, and returns what the checks found. The observers see
// the events after the checks, in a goroutine of their own. Its error is the source's.
func Judge(f *Facts, src Source, observers ...Observer) (*Found, error) {
	s := newJudgeState(f)
	a := newAnnotator(s, src, observers)
	for {
		b, err := a.nextBatch()
		if err != nil {
			return nil, fmt.Errorf("judge: %w", err)
		}
		if b == nil {
			return &Found{f, a.injections, s.checkVerdicts()}, nil
		}
		s.observeBatch(b)
	}
}

// Settle turns what was found into verdicts on what the consumer claims, the gravest check first. broken has
// the reason of each broken assumption by its name: those of [Facts], and those that the replay has shown.
func (found *Found) Settle(broken map[string]string) []harness.Verdict {
	verdicts := slices.Clone(found.verdicts)
	for i, e := range judgedEntries() {
		found.settleVerdict(&e, broken, &verdicts[i])
		for _, a := range verdicts[i].Examples {
			if a.RecordPlace != nil && a.Topic > 0 {
				a.TopicName = found.facts.topicName(a.Topic)
			}
		}
	}
	return verdicts
}

// asPlanned are the assumptions that the run was the one that the scenario describes. If one is broken, what a
// check found stands, but that it found nothing proves nothing. [WorkDone] is among them and is no check: a run
// in which all records are poison breaks no claim.
var asPlanned = []string{GroupFormed, LoadDelivered, FaultTookEffect, WorkInFlight, WorkDone}

// settleVerdict gives the verdict of a check its status.
func (found *Found) settleVerdict(e *entry, broken map[string]string, v *harness.Verdict) {
	v.Check, v.HeldTo = e.name, e.promise(found.facts)
	switch {
	case slices.Contains(found.facts.Unobserved, e.name):
		v.Status = harness.NotObserved
		return
	case v.HeldTo == "":
		v.Status = harness.NotJudged
		if _, doubtful := firstBroken(broken, e.needs); !doubtful && v.Count > 0 && e.warns(found.facts) {
			v.Status = harness.Warning
		}
		return
	}
	if reason, ok := firstBroken(broken, e.needs); ok {
		v.Status, v.Detail = harness.Inconclusive, reason
		return
	}
	if v.Count > 0 {
		v.Status = harness.Fail
		return
	}
	if reason, ok := firstBroken(broken, asPlanned); ok {
		v.Status, v.Detail = harness.Inconclusive, "the check found nothing, but "+reason
		return
	}
	v.Status, v.AtMost = harness.Pass, found.atMost()
}

// firstBroken is the first broken one of some assumptions, with its reason.
func firstBroken(broken map[string]string, assumptions []string) (reason string, ok bool) {
	for _, a := range assumptions {
		if why, ok := broken[a]; ok {
			return a + ": " + why, true
		}
	}
	return "", false
}

// atMost is the share of trials that goes wrong at most, with 95 % confidence, if no trial did. Violations
// cluster by fault, so each injection is a trial. Without injections, each record is one.
func (found *Found) atMost() float64 {
	trials := found.injections
	if trials == 0 {
		trials = found.facts.Log.Len()
	}
	if trials == 0 {
		return 1
	}
	return 1 - math.Pow(0.05, 1/float64(trials))
}

// isEffect reports whether the event is an effect.
func isEffect(e *ledger.Event) bool {
	return e.Kind == ledger.EventEnd && e.Outcome == ledger.OutcomeEffect
}
