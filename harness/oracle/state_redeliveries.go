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
		name: CheckUnexplainedDuplicate, verdict: func(j *judging) harness.Verdict { return j.rewinds.unexplained.verdict("") },
		heldTo: func(f *Facts) string { return string(f.Delivery) }, leans: []string{LedgerComplete, ObserversKeptUp},
	}
	explainedEntry = entry{
		name: CheckRedelivery, verdict: func(j *judging) harness.Verdict { return j.rewinds.explained.verdict("") },
		heldTo: func(f *Facts) string {
			if f.Delivery == harness.AtLeastOnce {
				return ""
			}
			return string(f.Delivery)
		},
		leans: []string{LedgerComplete},
	}
)

// rewinds tells duplicates that a rewind explains from those that are a bug.
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
// share group [shares] says what is explained. Of a consumer whose effects are its
// output a second output is never explained where it claims exactly-once; of any other
// it is as soon as an incarnation ended or was expelled, or anything was injected: who
// made an output is not seen.
type rewinds struct {
	facts       *Facts
	source      []tenures
	sides       [][]tenures // by number of the topic - 1
	trails      trails
	asides      *asides
	fences      *fences // asked who could not know of an expulsion
	lastDown    time.Duration
	downs       []ledger.Owner // downs are the incarnations that ended
	calm        bool           // calm: no incarnation ended, none was expelled, and nothing was injected yet
	complete    completeness
	shares      *shares // of a share group
	explained   findings
	unexplained findings
}

func newRewinds(f *Facts, finished []ledger.Offsets, asides *asides, fences *fences) *rewinds {
	r := &rewinds{facts: f, source: make([]tenures, f.Partitions), asides: asides, fences: fences, lastDown: -1, calm: true, complete: newCompleteness(f, finished, asides)}
	r.shares = newShares(f)
	for _, side := range f.Sides {
		r.sides = append(r.sides, make([]tenures, side.Partitions))
	}
	return r
}

func (r *rewinds) observe(b *batch) {
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventStart, ledger.EventEnd:
			if p := r.part(e.Topic, e.Partition); p != nil && !r.facts.Share {
				r.attempt(p, e)
				continue
			}
		case ledger.EventAcked:
			continue
		case ledger.EventCopied:
			r.custody(e)
			continue
		case ledger.EventDeferred:
			if a, ok := asideOf(r.facts, e); ok {
				if p := &r.source[a.partition]; len(p.list) > 0 {
					p.list[len(p.list)-1].settled = true // it has read what it sets aside
				}
			}
			continue
		case ledger.EventDown:
			r.lastDown, r.calm, r.downs = e.At, false, append(r.downs, e.Owner)
		case ledger.EventInject, ledger.EventExpelled:
			r.calm = false
		}
		if r.facts.Share {
			r.shares.observe(e)
			if isEffect(e) && e.Held {
				r.shared(e)
			}
			continue
		}
		if p := r.part(e.Topic, e.Partition); p != nil && (e.Topic > 0 || !e.OwnGroup()) {
			r.partition(p, e)
		}
	}
}

// part is a partition of the run, nil if there is none.
func (r *rewinds) part(topic uint16, partition int32) *tenures {
	parts := r.source
	if topic > 0 {
		parts = r.side(topic)
	}
	if partition < 0 || int(partition) >= len(parts) {
		return nil
	}
	return &parts[partition]
}

// side are the partitions of a side topic, none if it is none of the run's.
func (r *rewinds) side(topic uint16) []tenures {
	if topic == 0 || int(topic) > len(r.sides) {
		return nil
	}
	return r.sides[topic-1]
}

func (r *rewinds) partition(p *tenures, e *ledger.Event) {
	switch e.Kind {
	case ledger.EventOwned:
		p.acquire(e, r.facts.Protocol == harness.Eager)
	case ledger.EventReleased:
		p.release(e.Owner)
	case ledger.EventRewound:
		p.rewind(e, r.calm)
	case ledger.EventCommit:
		if e.Outcome == ledger.OutcomeConfirmed {
			p.commit(e.Offset)
		}
	}
}

// attempt takes the begin or the end of one.
func (r *rewinds) attempt(p *tenures, e *ledger.Event) {
	if e.Kind == ledger.EventStart {
		if r.asides.none() || !r.beginRange(e) {
			p.begin(e, func(o ledger.Owner) bool { return !slices.Contains(r.downs, o) })
		}
	} else if e.Outcome == ledger.OutcomeEffect && e.Held {
		r.effect(p, e)
	}
}

// custody takes a copy into a topic with custody.
func (r *rewinds) custody(e *ledger.Event) {
	role := r.facts.role(e.Topic)
	if !e.Held || !role.TakesOver() {
		return
	}
	r.trails.add(e)
	if role == harness.RoleDeadLetter {
		r.complete.letter(e, r)
	}
}

func (r *rewinds) effect(p *tenures, e *ledger.Event) {
	if r.output(e) {
		return
	}
	var aside []int
	if !r.asides.none() {
		aside = r.asideUnder(p, e)
	}
	was, is, excused := p.effect(e, aside)
	switch {
	case is == noTenure:
	case was == noTenure:
		if !e.First {
			r.elsewhere(e)
		}
		r.complete.finished(e, r)
	default:
		r.again(p, e, was, is, excused)
	}
}

// output judges an effect that is an output.
func (r *rewinds) output(e *ledger.Event) bool {
	if !r.facts.isOutput(e) {
		return false
	}
	switch {
	case e.First:
	case r.facts.Delivery == harness.ExactlyOnce:
		r.unexplained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "output once more at %s: no output may be repeated", moment(e.At))
		})
	case r.calm:
		r.unexplained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "output once more at %s, and nothing has happened that would make anybody do so", moment(e.At))
		})
	default:
		r.explained.add(func() harness.Anomaly { return anomaly(r.facts, e, "output once more at %s", moment(e.At)) })
	}
	return true
}

// shared judges an effect of a share group.
func (r *rewinds) shared(e *ledger.Event) {
	if r.output(e) {
		return
	}
	switch had, again := r.shares.effect(e); {
	case again:
		r.unexplained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "again at %s by %s, under the same delivery", moment(e.At), r.facts.name(e.Owner))
		})
	case had:
		r.explained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "again at %s by %s, by another delivery", moment(e.At), r.facts.name(e.Owner))
		})
	default:
		if !e.First {
			r.elsewhere(e)
		}
		r.complete.finished(e, r)
	}
}

// again judges a second effect at one position, by the tenures under which the one
// before was and this one is.
func (r *rewinds) again(p *tenures, e *ledger.Event, was, is int, excused bool) {
	base := p.list[max(was, is)].base
	switch {
	case excused:
		r.explained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "again at %s by %s, after the rewind of partition %d to %d",
				moment(e.At), r.facts.name(e.Owner), e.Partition, base)
		})
	case r.takenUp(e):
		r.explained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "again at %s by %s, in a range set aside that was taken up again, or by who had lost it", moment(e.At), r.facts.name(e.Owner))
		})
	default:
		r.unexplained.add(func() harness.Anomaly {
			why := "no rewind lies between its effects"
			if high, _ := p.of(e.Owner, e.Start); high < 0 || e.Zombie {
				why = "its pod did not have the partition"
			} else if is != was {
				why = fmt.Sprintf("the last rewind was to %d, past it", base)
			}
			return anomaly(r.facts, e, "again at %s by %s: %s", moment(e.At), r.facts.name(e.Owner), why)
		})
	}
}

// beginRange reports whether an attempt is on a record set aside: then it is the
// topic of the ranges that its owner has begun to read.
func (r *rewinds) beginRange(e *ledger.Event) (is bool) {
	for _, a := range r.asides.before(e, e.Position()) {
		is = true
		parts := r.side(a.in.Topic)
		for i := range parts {
			parts[i].settle(e.Owner)
		}
	}
	return is
}

// asideUnder are the tenures under which ranges with the position of an effect were set
// aside.
func (r *rewinds) asideUnder(p *tenures, e *ledger.Event) (list []int) {
	for _, a := range r.asides.before(e, e.Position()) {
		list = append(list, p.under(a.at)...)
	}
	return list
}

// takenUp reports whether the position of an effect lies in a range that may have been
// worked on from its begin once more, or has been set aside by one who had lost it.
func (r *rewinds) takenUp(e *ledger.Event) bool {
	for _, a := range r.asides.before(e, e.Position()) {
		if r.lastDown >= a.at || r.fences.late(e.Position(), a.at) {
			return true
		}
		parts := r.side(a.in.Topic)
		for i := range parts {
			if p := &parts[i]; max(1, p.since(a.at)) < len(p.list) {
				return true
			}
		}
	}
	return false
}
