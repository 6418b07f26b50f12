package oracle

import (
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var pendingEntry = entry{
	name: "loss pending", make: func(j *judging) check { return newPending(j.Facts, j.finished) },
	heldTo: heldToAtLeastOnce, leans: []string{LedgerComplete, ObserversKeptUp},
}

// pending finds commits that are ahead of the work: from the commit on until
// the work is done, a crash loses the record. It is seen at the commit and needs
// no crash to hit the window.
//
// A commit of the source covers the landed records below it and not below any
// commit before. Each must have had an effect, at any place, or a copy in a topic
// with custody, or lie in a range set aside. A commit of a topic with custody
// covers copies likewise. Of each the record must have had an effect, or another
// copy in such a topic, appended no earlier than this one; in dead-letter nothing
// is owed. A commit of the topic that a range lies in covers all that it sets aside,
// unless a range that is not covered does so too. Of the source the commits of the run's group count, of side topics those
// of all groups.
//
// The commit of a share group is the answer for a record: an accept, a reject or a
// gap covers its position alone.
type pending struct {
	facts    *Facts
	finished []ledger.Offsets // by position where a record first lay, see [judging]
	parts    []pendingPart    // of the source
	trails   trails
	ranges   []pendingRange
	looked   map[ledger.Position]int64 // by partition of a side topic, as a position at offset 0: up to where commits have been looked at
	found    findings
}

// pendingPart is a partition of the source: what was copied, what was set aside, and up
// to where commits have been looked at. What is finished is in [judging].
type pendingPart struct {
	copied, aside ledger.Offsets
	looked        int64
}

// pendingRange is a range set aside, until a commit covers it.
type pendingRange struct {
	in        ledger.Position // where it lies
	partition int32
	from, to  int64
}

func newPending(f *Facts, finished []ledger.Offsets) *pending {
	return &pending{facts: f, finished: finished, parts: make([]pendingPart, f.Partitions), looked: map[ledger.Position]int64{}}
}

func (p *pending) Observe(b *Batch) {
	for _, e := range b.Rare {
		switch e.Edge {
		case ledger.EdgeCustody:
			if e.Held && p.facts.role(e.Topic).Custody() {
				p.parts[e.Origin].copied.Add(e.Source)
				p.trails.add(e)
			}
		case ledger.EdgeRange:
			if from, to, ok := p.facts.aside(e); ok {
				p.ranges = append(p.ranges, pendingRange{e.RangeAt(), e.Partition, from, to})
				for offset := from; offset < to; offset++ {
					p.parts[e.Partition].aside.Add(offset)
				}
			}
		case ledger.EdgeCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				p.commit(e)
			}
		case ledger.EdgeAcknowledged:
			if e.Held && e.Outcome != ledger.OutcomeFailed && e.Count != ledger.AckRelease && e.Count != ledger.AckRenew {
				p.answer(e)
			}
		}
	}
}

// commit looks at what a commit newly covers.
func (p *pending) commit(e *ledger.Event) {
	role := p.facts.role(e.Topic)
	switch {
	case e.Topic > 0 && role.Custody() && role != harness.RoleDeadLetter:
		part := ledger.Position{Topic: e.Topic, Partition: e.Partition}
		p.looked[part] = p.covers(e, p.looked[part], p.safeCopy)
	case role == harness.RoleRanges:
		p.coversRanges(e)
	case e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < len(p.parts):
		part := &p.parts[e.Partition]
		part.looked = p.covers(e, part.looked, p.safe)
	}
}

// covers looks at the positions that a commit covers and looked does not, and
// returns up to where it has looked.
func (p *pending) covers(e *ledger.Event, looked int64, safe func(ledger.Position) bool) int64 {
	end := min(e.Offset, p.facts.Log.End(e.Topic, e.Partition))
	for offset := looked; offset < end; offset++ {
		if e.Topic == 0 {
			if offset = p.finished[e.Partition].Lacks(offset); offset >= end {
				break
			}
		}
		pos := ledger.Position{Topic: e.Topic, Partition: e.Partition, Offset: offset}
		if safe(pos) || !p.facts.Log.Landed(pos) {
			continue
		}
		p.covered(e, pos, "it")
	}
	return max(looked, end)
}

// coversRanges looks at the records of the ranges that a commit is the first to cover.
func (p *pending) coversRanges(e *ledger.Event) {
	var covered []pendingRange
	p.ranges = slices.DeleteFunc(p.ranges, func(r pendingRange) bool {
		is := r.in.Topic == e.Topic && r.in.Partition == e.Partition && r.in.Offset >= 0 && r.in.Offset < e.Offset
		if is {
			covered = append(covered, r)
		}
		return is
	})
	for _, r := range covered {
		for offset := r.from; offset < r.to; offset++ {
			pos := ledger.Position{Partition: r.partition, Offset: offset}
			still := slices.ContainsFunc(p.ranges, func(o pendingRange) bool { return o.partition == r.partition && o.from <= offset && offset < o.to })
			if !still && p.facts.Log.Landed(pos) && !p.done(pos) {
				p.covered(e, pos, "the range with it")
			}
		}
	}
}

// covered finds that a commit is ahead of the work on a record.
func (p *pending) covered(e *ledger.Event, pos ledger.Position, what string) {
	p.found.add(func() harness.Anomaly {
		a := unnamed(pos, e.At, fmt.Sprintf("commit %d by %s at %s covers %s, and its work was not finished", e.Offset, p.facts.name(e.Owner), at(e.At), what))
		a.Pods = []string{p.facts.name(e.Owner)}
		return a
	})
}

// answer looks at what a member of a share group said it was done with.
func (p *pending) answer(e *ledger.Event) {
	pos := e.Position()
	if e.Topic == 0 && p.safe(pos) || e.Topic > 0 && p.safeCopy(pos) {
		return
	}
	p.found.add(func() harness.Anomaly {
		a := unnamed(pos, e.At, fmt.Sprintf("answered for good by %s at %s, and its work was not finished", p.facts.name(e.Owner), at(e.At)))
		a.Pods = []string{p.facts.name(e.Owner)}
		return a
	})
}

// safe reports whether a crash would not lose the record at a position of the
// source, if it were committed.
func (p *pending) safe(at ledger.Position) bool {
	return p.done(at) || p.parts[at.Partition].aside.Has(at.Offset)
}

// done reports whether the record at a position of the source was finished or
// copied.
func (p *pending) done(at ledger.Position) bool {
	if p.finished[at.Partition].Has(at.Offset) || p.parts[at.Partition].copied.Has(at.Offset) {
		return true
	}
	first := p.facts.Log.first(at)
	return first != at && p.done(first)
}

// safeCopy does so for a copy. What is no copy of a record of the source is owed
// by nobody.
func (p *pending) safeCopy(at ledger.Position) bool {
	t := p.trails.places[at]
	return t == nil || t.passedOn(at) || p.finished[t.source.Partition].Has(t.source.Offset)
}

func (p *pending) Verdict() harness.Verdict {
	detail := ""
	if p.found.count > 0 {
		detail = fmt.Sprintf("%d records were committed before their work was finished: a crash in between loses them", p.found.count)
	}
	return p.found.verdict(detail)
}
