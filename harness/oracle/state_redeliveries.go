package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// redeliveries decides whether a rewind explains a second effect of a record, or in a share group a new
// delivery. [CheckRedelivery] counts the explained ones, [CheckUnexplainedDuplicate] all others. CHECKS.md has
// the rules: "Assignments and redelivery".
type redeliveries struct {
	facts       *Facts
	assignments *assignments
	shares      *shareGroup
	routes      *routes
	deferred    *deferredRanges
	fences      *fences // fences know which member could not know of its expulsion.

	lastDown    time.Duration
	downs       []ledger.Owner // downs are the incarnations that ended.
	undisturbed bool           // undisturbed: no incarnation ended, no member was expelled and no fault took effect so far.

	explained   findings
	unexplained findings
	wasted      time.Duration // wasted is the time of the attempts behind unexplained effects.
}

func newRedeliveries(s *judgeState) *redeliveries {
	return &redeliveries{
		facts: s.Facts, assignments: s.assignments, shares: s.shares, routes: s.routes, deferred: s.deferred, fences: s.fences,
		lastDown: -1, undisturbed: true,
	}
}

// trackDisruption notes the end or expulsion of a pod, and faults.
func (r *redeliveries) trackDisruption(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventDown:
		r.lastDown, r.undisturbed, r.downs = e.At, false, append(r.downs, e.Owner)
	case ledger.EventInject, ledger.EventExpelled:
		r.undisturbed = false
	}
}

// trackAssignment notes an event that changes who owns a partition, or from where its owner reads.
func (r *redeliveries) trackAssignment(e *ledger.Event) {
	if e.Kind == ledger.EventExpired && !e.OwnGroup() {
		r.assignments.lowerAllBases(e.At)
		return
	}
	p := r.assignments.partition(e.Topic, e.Partition)
	if p == nil || e.Topic == 0 && e.OwnGroup() {
		return
	}
	switch e.Kind {
	case ledger.EventOwned:
		p.beginAssignment(e, r.facts.Protocol == harness.Eager)
	case ledger.EventReleased:
		p.markReleased(e.Owner)
	case ledger.EventRewound:
		p.addRewind(e, r.undisturbed)
	case ledger.EventCommit:
		// A commit below the last one lowers what the next owner may read, even if it is not
		// known whether the broker has taken it.
		if e.Outcome == ledger.OutcomeConfirmed || e.Outcome == ledger.OutcomeUnknown && e.Offset < p.committed {
			p.lowerBase(e.Offset, e.At)
		}
	}
}

// beginWork notes the start of an attempt: its owner has read from the base of its assignment.
func (r *redeliveries) beginWork(e *ledger.Event) {
	p := r.assignments.partition(e.Topic, e.Partition)
	if p == nil || !r.deferred.isEmpty() && r.beginDeferred(e) {
		return
	}
	p.ensureAssignment(e, r.downs)
}

// beginDeferred reports whether an attempt is on a deferred record. Then its owner has begun to read the
// topic of the ranges.
func (r *redeliveries) beginDeferred(e *ledger.Event) (isDeferred bool) {
	for _, d := range r.deferred.rangesBefore(e, e.Position()) {
		isDeferred = true
		parts := r.assignments.topic(d.in.Topic)
		for i := range parts {
			parts[i].settleBase(e.Owner, e.At)
		}
	}
	return isDeferred
}

// judgeEffect judges an effect, if it is not the first of its record. It reports whether the effect is the
// first at its position.
func (r *redeliveries) judgeEffect(e *ledger.Event) (firstHere bool) {
	if r.facts.isOutput(e) {
		r.judgeOutput(e)
		return false
	}
	if r.facts.Share {
		firstHere = r.judgeShareEffect(e)
	} else {
		firstHere = r.judgeGroupEffect(e)
	}
	if firstHere && (!e.First || len(r.facts.Log.furtherPositions(e.Key, e.Seq)) > 0) {
		r.judgeElsewhere(e)
	}
	return firstHere
}

// judgeGroupEffect judges an effect of a consumer group at its position.
func (r *redeliveries) judgeGroupEffect(e *ledger.Event) (firstHere bool) {
	p := r.assignments.partition(e.Topic, e.Partition)
	if p == nil {
		return false
	}
	var deferredUnder []int
	if !r.deferred.isEmpty() {
		deferredUnder = r.deferredUnder(p, e)
	}
	effect := p.addEffect(e, deferredUnder)
	switch {
	case effect.under == noAssignment:
		return false
	case effect.before == noAssignment:
		return true
	}
	r.judgeSecondEffect(p, e, effect)
	return false
}

// judgeSecondEffect judges a second effect at one position.
func (r *redeliveries) judgeSecondEffect(p *partitionAssignments, e *ledger.Event, effect placedEffect) {
	base := p.list[max(effect.before, effect.under)].base
	switch {
	case effect.explained:
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "completed again at %s by %s, after the rewind of partition %d to %d",
				formatTime(e.At), r.facts.podName(e.Owner), e.Partition, base)
		})
	case r.isRangeRepeatable(e):
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "completed again at %s by %s, in a deferred range that may have been read again, or deferred by a pod that had lost it",
				formatTime(e.At), r.facts.podName(e.Owner))
		})
	default:
		r.addUnexplained(e, func() harness.Anomaly {
			why := "no rewind lies between its effects"
			if latest, _ := p.assignmentsOf(e.Owner, e.Start); latest < 0 || e.Zombie {
				why = "the pod did not own the partition"
				if lost, ok := r.fences.lostBefore(e.Position(), e.Owner, e.Start); ok {
					why = fmt.Sprintf("it began this work after it had lost the partition by %s", formatTime(lost.until))
				}
			} else if effect.under != effect.before {
				why = fmt.Sprintf("the last rewind was to %d, past it", base)
			}
			return anomalyOf(r.facts, e, "completed again at %s by %s: %s", formatTime(e.At), r.facts.podName(e.Owner), why)
		})
	}
}

// deferredUnder are the assignments under which ranges with the position of an effect were deferred.
func (r *redeliveries) deferredUnder(p *partitionAssignments, e *ledger.Event) (list []int) {
	for _, d := range r.deferred.rangesBefore(e, e.Position()) {
		list = append(list, p.assignmentsAt(d.at)...)
	}
	return list
}

// isRangeRepeatable reports whether the position of an effect lies in a deferred range that a pod may have
// begun again, or that a pod deferred after it had lost the partition.
func (r *redeliveries) isRangeRepeatable(e *ledger.Event) bool {
	for _, d := range r.deferred.rangesBefore(e, e.Position()) {
		if r.lastDown >= d.at || r.fences.mayAppendLate(e.Position(), d.at) {
			return true
		}
		parts := r.assignments.topic(d.in.Topic)
		for i := range parts {
			if p := &parts[i]; max(1, p.firstSince(d.at)) < len(p.list) {
				return true
			}
		}
	}
	return false
}

// judgeShareEffect judges an effect of a share group at its position.
func (r *redeliveries) judgeShareEffect(e *ledger.Event) (firstHere bool) {
	switch second, sameDelivery := r.shares.addShareEffect(e); {
	case sameDelivery:
		r.addUnexplained(e, func() harness.Anomaly {
			return anomalyOf(r.facts, e, "completed again at %s by %s, without a new delivery of the broker", formatTime(e.At), r.facts.podName(e.Owner))
		})
	case second:
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "completed again at %s by %s, by another delivery", formatTime(e.At), r.facts.podName(e.Owner))
		})
	default:
		return true
	}
	return false
}

// judgeElsewhere judges the first effect at a position, of a record that had one at another position, or that
// lies in the source several times.
func (r *redeliveries) judgeElsewhere(e *ledger.Event) {
	route := r.routes.routeOf(e)
	completions := route.completions
	switch {
	case e.First:
	case e.Topic == 0:
		completions = max(2, completions) // there was one elsewhere, or this effect were the first
	default:
		completions = max(1+route.positions, completions) // each position was completed before
	}
	if completions <= route.positions {
		return
	}
	if completions-route.positions <= route.rewinds {
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "completed again at %s by %s in %s, after a rewind of a place where it had been completed",
				formatTime(e.At), r.facts.podName(e.Owner), r.facts.topicName(e.Topic))
		})
		return
	}
	r.addUnexplained(e, func() harness.Anomaly {
		return anomalyOf(r.facts, e, "completed again at %s by %s in %s: completed at %d places, with %d rewinds of those places since",
			formatTime(e.At), r.facts.podName(e.Owner), r.facts.topicName(e.Topic), completions, route.rewinds)
	})
}

// addUnexplained adds an effect that nothing explains.
func (r *redeliveries) addUnexplained(e *ledger.Event, a func() harness.Anomaly) {
	r.wasted += max(0, e.At-e.Start)
	r.unexplained.addAnomaly(a)
}

// unexplainedVerdict has the price of the duplicates.
func (r *redeliveries) unexplainedVerdict() harness.Verdict {
	detail := ""
	if n := r.unexplained.count; n > 0 && r.wasted > 0 {
		detail = fmt.Sprintf("%s completed again without a rewind, which took %s of work", countRecords(n), formatTime(r.wasted))
	}
	return r.unexplained.toVerdict(detail)
}

// judgeOutput judges an effect that is an output. The ledger does not show which pod made an output, so
// any disruption explains a second one, unless the consumer claims exactly-once.
func (r *redeliveries) judgeOutput(e *ledger.Event) {
	switch {
	case e.First:
	case r.facts.Delivery == harness.ExactlyOnce:
		r.addUnexplained(e, func() harness.Anomaly {
			return anomalyOf(r.facts, e, "a second output at %s; an exactly-once consumer repeats no output", formatTime(e.At))
		})
	case r.undisturbed:
		r.addUnexplained(e, func() harness.Anomaly {
			return anomalyOf(r.facts, e, "a second output at %s, before any fault, expulsion or end of a pod", formatTime(e.At))
		})
	default:
		r.explained.addAnomaly(func() harness.Anomaly { return anomalyOf(r.facts, e, "a second output at %s", formatTime(e.At)) })
	}
}
