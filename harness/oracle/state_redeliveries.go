package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	unexplainedEntry = entry{
		name: CheckUnexplainedDuplicate, verdict: func(j *judgeState) harness.Verdict { return j.redeliveries.unexplained.toVerdict("") },
		heldTo: func(f *Facts) string { return string(f.Delivery) }, leans: []string{LedgerComplete, ObserversKeptUp},
	}
	explainedEntry = entry{
		name: CheckRedelivery, verdict: func(j *judgeState) harness.Verdict { return j.redeliveries.explained.toVerdict("") },
		heldTo: func(f *Facts) string {
			if f.Delivery == harness.AtLeastOnce {
				return ""
			}
			return string(f.Delivery)
		},
		leans: []string{LedgerComplete},
	}
)

// redeliveries tells duplicates that a rewind explains from those that are a bug.
//
// A tenure is the time from one acquisition of a partition to the next. Each
// but the first begins with a rewind to the group's commit, its base: the new
// owner reads from there, so each offset from the base on may have one effect
// more. An effect belongs to the tenure under which its attempt began. Two
// effects of one position under one tenure, or one under a tenure whose base lies
// past the offset, have no excuse.
//
// Acquisitions are seen as intervals. An attempt begun within one may belong
// to the tenure before or after; it is given the benefit of the doubt. Where the
// rewind itself was seen, the tenure begins with that instead.
//
// The first effect at a position, of a record that had one at another, is explained
// if the positions with an effect, but for one, are no more than the rewinds of the
// positions at which the record was finished: its own in the source and those of its
// copies appended so far. A position is finished by its latest effect, this one included,
// and, but for the last copy, by the append of the next copy; every tenure, but the
// first of a partition, counts that came after the earlier of them and whose base is
// not past the offset.
//
// Work begun by a pod that surely did not have the partition, because it lost it (a
// zombie) or because another that lives has it and nobody saw that this one ever did, is
// under no tenure: of two effects of which one is such work, one has no excuse. A member
// that reads the commit again where nothing has happened that would make it explains
// nothing either.
//
// An effect of a record that a range set aside belongs to the tenure under which that
// was done, whoever works the range off, or to one of its owner; it may be repeated
// after the end of any incarnation and after any rewind of the topic that the range
// lies in, or if a member set it aside that may not have known of its expulsion. In a
// share group [shareGroup] says what is explained. Of a consumer whose effects are its
// output a second output is never explained where it claims exactly-once; of any other
// it is as soon as an incarnation ended or was expelled, or anything was injected: who
// made an output is not seen.
type redeliveries struct {
	facts       *Facts
	source      []partitionAssignments
	sides       [][]partitionAssignments // by number of the topic - 1
	copies      copyIndex
	deferred    *deferredRanges
	fences      *fences // asked who could not know of an expulsion
	lastDown    time.Duration
	downs       []ledger.Owner // downs are the incarnations that ended
	undisturbed bool           // undisturbed: no incarnation ended, none was expelled, and nothing was injected yet
	outcomes    conflictingOutcomes
	shares      *shareGroup // of a share group
	explained   findings
	unexplained findings
}

func newRedeliveries(f *Facts, finished []ledger.Offsets, asides *deferredRanges, fences *fences) *redeliveries {
	r := &redeliveries{facts: f, source: make([]partitionAssignments, f.Partitions), deferred: asides, fences: fences, lastDown: -1, undisturbed: true, outcomes: newConflictingOutcomes(f, finished, asides)}
	r.shares = newShareGroup(f)
	for _, side := range f.Sides {
		r.sides = append(r.sides, make([]partitionAssignments, side.Partitions))
	}
	return r
}

func (r *redeliveries) trackWork(b *batch) {
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventStart, ledger.EventEnd:
			if p := r.assignmentsIn(e.Topic, e.Partition); p != nil && !r.facts.Share {
				r.trackAttempt(p, e)
				continue
			}
		case ledger.EventAcked:
			continue
		case ledger.EventCopied:
			r.addCopy(e)
			continue
		case ledger.EventDeferred:
			if a, ok := rangeOf(r.facts, e); ok {
				if p := &r.source[a.partition]; len(p.list) > 0 {
					p.list[len(p.list)-1].settled = true // it has read what it sets aside
				}
			}
			continue
		case ledger.EventDown:
			r.lastDown, r.undisturbed, r.downs = e.At, false, append(r.downs, e.Owner)
		case ledger.EventInject, ledger.EventExpelled:
			r.undisturbed = false
		}
		if r.facts.Share {
			r.shares.trackShare(e)
			if isEffect(e) && e.Held {
				r.judgeShareEffect(e)
			}
			continue
		}
		if p := r.assignmentsIn(e.Topic, e.Partition); p != nil && (e.Topic > 0 || !e.OwnGroup()) {
			r.trackAssignment(p, e)
		}
	}
}

// assignmentsIn is a partition of the run, nil if there is none.
func (r *redeliveries) assignmentsIn(topic uint16, partition int32) *partitionAssignments {
	parts := r.source
	if topic > 0 {
		parts = r.sideAssignments(topic)
	}
	if partition < 0 || int(partition) >= len(parts) {
		return nil
	}
	return &parts[partition]
}

// sideAssignments are the partitions of a side topic, none if it is none of the run's.
func (r *redeliveries) sideAssignments(topic uint16) []partitionAssignments {
	if topic == 0 || int(topic) > len(r.sides) {
		return nil
	}
	return r.sides[topic-1]
}

func (r *redeliveries) trackAssignment(p *partitionAssignments, e *ledger.Event) {
	switch e.Kind {
	case ledger.EventOwned:
		p.beginAssignment(e, r.facts.Protocol == harness.Eager)
	case ledger.EventReleased:
		p.markReleased(e.Owner)
	case ledger.EventRewound:
		p.addRewind(e, r.undisturbed)
	case ledger.EventCommit:
		if e.Outcome == ledger.OutcomeConfirmed {
			p.lowerBase(e.Offset)
		}
	}
}

// trackAttempt takes the begin or the end of one.
func (r *redeliveries) trackAttempt(p *partitionAssignments, e *ledger.Event) {
	if e.Kind == ledger.EventStart {
		if r.deferred.isEmpty() || !r.beginDeferred(e) {
			p.ensureAssignment(e, func(o ledger.Owner) bool { return !slices.Contains(r.downs, o) })
		}
	} else if e.Outcome == ledger.OutcomeEffect && e.Held {
		r.judgeEffect(p, e)
	}
}

// addCopy takes a copy into a topic with custody.
func (r *redeliveries) addCopy(e *ledger.Event) {
	role := r.facts.roleOf(e.Topic)
	if !e.Held || !role.TakesOver() {
		return
	}
	r.copies.indexCopy(e)
	if role == harness.RoleDeadLetter {
		r.outcomes.judgeDeadLetter(e, r)
	}
}

func (r *redeliveries) judgeEffect(p *partitionAssignments, e *ledger.Event) {
	if r.judgeOutput(e) {
		return
	}
	var aside []int
	if !r.deferred.isEmpty() {
		aside = r.deferredUnder(p, e)
	}
	was, is, excused := p.addEffect(e, aside)
	switch {
	case is == noAssignment:
	case was == noAssignment:
		if !e.First {
			r.judgeElsewhere(e)
		}
		r.outcomes.judgeFirstEffect(e, r)
	default:
		r.judgeSecondEffect(p, e, was, is, excused)
	}
}

// judgeOutput judges an effect that is an output.
func (r *redeliveries) judgeOutput(e *ledger.Event) bool {
	if !r.facts.isOutput(e) {
		return false
	}
	switch {
	case e.First:
	case r.facts.Delivery == harness.ExactlyOnce:
		r.unexplained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "output once more at %s: no output may be repeated", formatTime(e.At))
		})
	case r.undisturbed:
		r.unexplained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "output once more at %s, and nothing has happened that would make anybody do so", formatTime(e.At))
		})
	default:
		r.explained.addAnomaly(func() harness.Anomaly { return anomalyOf(r.facts, e, "output once more at %s", formatTime(e.At)) })
	}
	return true
}

// judgeShareEffect judges an effect of a share group.
func (r *redeliveries) judgeShareEffect(e *ledger.Event) {
	if r.judgeOutput(e) {
		return
	}
	switch had, again := r.shares.addShareEffect(e); {
	case again:
		r.unexplained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "again at %s by %s, under the same delivery", formatTime(e.At), r.facts.podName(e.Owner))
		})
	case had:
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "again at %s by %s, by another delivery", formatTime(e.At), r.facts.podName(e.Owner))
		})
	default:
		if !e.First {
			r.judgeElsewhere(e)
		}
		r.outcomes.judgeFirstEffect(e, r)
	}
}

// judgeSecondEffect judges a second effect at one position, by the tenures under which the one
// before was and this one is.
func (r *redeliveries) judgeSecondEffect(p *partitionAssignments, e *ledger.Event, was, is int, excused bool) {
	base := p.list[max(was, is)].base
	switch {
	case excused:
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "again at %s by %s, after the rewind of partition %d to %d",
				formatTime(e.At), r.facts.podName(e.Owner), e.Partition, base)
		})
	case r.isRangeRepeatable(e):
		r.explained.addAnomaly(func() harness.Anomaly {
			return anomalyOf(r.facts, e, "again at %s by %s, in a range set aside that was taken up again, or by who had lost it", formatTime(e.At), r.facts.podName(e.Owner))
		})
	default:
		r.unexplained.addAnomaly(func() harness.Anomaly {
			why := "no rewind lies between its effects"
			if high, _ := p.assignmentsOf(e.Owner, e.Start); high < 0 || e.Zombie {
				why = "its pod did not have the partition"
			} else if is != was {
				why = fmt.Sprintf("the last rewind was to %d, past it", base)
			}
			return anomalyOf(r.facts, e, "again at %s by %s: %s", formatTime(e.At), r.facts.podName(e.Owner), why)
		})
	}
}

// beginDeferred reports whether an attempt is on a record set aside: then it is the
// topic of the ranges that its owner has begun to read.
func (r *redeliveries) beginDeferred(e *ledger.Event) (is bool) {
	for _, a := range r.deferred.rangesBefore(e, e.Position()) {
		is = true
		parts := r.sideAssignments(a.in.Topic)
		for i := range parts {
			parts[i].settleBase(e.Owner)
		}
	}
	return is
}

// deferredUnder are the tenures under which ranges with the position of an effect were set
// aside.
func (r *redeliveries) deferredUnder(p *partitionAssignments, e *ledger.Event) (list []int) {
	for _, a := range r.deferred.rangesBefore(e, e.Position()) {
		list = append(list, p.assignmentsAt(a.at)...)
	}
	return list
}

// isRangeRepeatable reports whether the position of an effect lies in a range that may have been
// worked on from its begin once more, or has been set aside by one who had lost it.
func (r *redeliveries) isRangeRepeatable(e *ledger.Event) bool {
	for _, a := range r.deferred.rangesBefore(e, e.Position()) {
		if r.lastDown >= a.at || r.fences.mayAppendLate(e.Position(), a.at) {
			return true
		}
		parts := r.sideAssignments(a.in.Topic)
		for i := range parts {
			if p := &parts[i]; max(1, p.firstSince(a.at)) < len(p.list) {
				return true
			}
		}
	}
	return false
}
