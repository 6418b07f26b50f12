package oracle

import (
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var pendingEntry = entry{
	name: CheckPrematureCommit, make: func(j *judging) check { return newPending(j) },
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
// A commit of the source past the end of its log, further than any before it, counts
// too: what lands there next would be lost. (A source has no control records.)
//
// The commit of a share group is the answer for a record: an accept, a reject or a
// gap covers its position alone.
type pending struct {
	facts    *Facts
	finished []ledger.Offsets // by position where a record first lay, see [judging]
	asides   *asides
	trails   *trails
	looked   map[ledger.Position]int64 // by partition, as a position at offset 0: up to where commits have been looked at
	beyond   map[int32]int64           // by partition of the source: the furthest commit past the end of its log
	found    findings
}

func newPending(j *judging) *pending {
	return &pending{facts: j.Facts, finished: j.finished, asides: j.asides, trails: &j.rewinds.trails, looked: map[ledger.Position]int64{}, beyond: map[int32]int64{}}
}

func (p *pending) Observe(b *batch) {
	for _, e := range b.Rare {
		switch e.Kind {
		case ledger.EventCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				p.commit(e)
			}
		case ledger.EventAcknowledged:
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
	case e.Topic > 0 && role.TakesOver() && role != harness.RoleDeadLetter:
		p.covers(e)
	case role == harness.RoleRanges:
		p.coversRanges(e)
	case e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < p.facts.Partitions:
		p.covers(e)
		p.past(e)
	}
}

// past looks whether a commit of the source is past the end of its log.
func (p *pending) past(e *ledger.Event) {
	end := p.facts.Log.end(0, e.Partition)
	if e.Offset <= max(end, p.beyond[e.Partition]) {
		return
	}
	p.beyond[e.Partition] = e.Offset
	p.found.add(func() harness.Anomaly {
		a := unnamed(ledger.Position{Partition: e.Partition, Offset: end}, e.At, fmt.Sprintf(
			"commit %d by %s at %s is past the end of the log, %d: it covers what is not there yet", e.Offset, p.facts.name(e.Owner), moment(e.At), end))
		a.Pods = []string{p.facts.name(e.Owner)}
		return a
	})
}

// covers looks at the positions that a commit is the first to cover.
func (p *pending) covers(e *ledger.Event) {
	part := ledger.Position{Topic: e.Topic, Partition: e.Partition}
	end := min(e.Offset, p.facts.Log.end(e.Topic, e.Partition))
	for offset := p.looked[part]; offset < end; offset++ {
		if e.Topic == 0 {
			if offset = p.finished[e.Partition].Lacks(offset); offset >= end {
				break
			}
		}
		pos := ledger.Position{Topic: e.Topic, Partition: e.Partition, Offset: offset}
		if !p.safe(e, pos) && p.facts.Log.landed(pos) {
			p.covered(e, pos, "it")
		}
	}
	p.looked[part] = max(p.looked[part], end)
}

// coversRanges looks at the records of the ranges that a commit is the first to cover.
func (p *pending) coversRanges(e *ledger.Event) {
	var covered []aside
	for i := range p.asides.list {
		r := &p.asides.list[i]
		if !r.covered && r.before(e) && r.in.Topic == e.Topic && r.in.Partition == e.Partition && r.in.Offset >= 0 && r.in.Offset < e.Offset {
			r.covered = true
			covered = append(covered, *r)
		}
	}
	for _, r := range covered {
		for offset := r.from; offset < r.to; offset++ {
			pos := ledger.Position{Partition: r.partition, Offset: offset}
			still := slices.ContainsFunc(p.asides.before(e, pos), func(o *aside) bool { return !o.covered })
			if !still && p.facts.Log.landed(pos) && !p.done(pos) {
				p.covered(e, pos, "the range with it")
			}
		}
	}
}

// covered finds that a commit is ahead of the work on a record.
func (p *pending) covered(e *ledger.Event, pos ledger.Position, what string) {
	p.found.add(func() harness.Anomaly {
		a := unnamed(pos, e.At, fmt.Sprintf("commit %d by %s at %s covers %s, and its work was not finished", e.Offset, p.facts.name(e.Owner), moment(e.At), what))
		a.Pods = []string{p.facts.name(e.Owner)}
		return a
	})
}

// answer looks at what a member of a share group said it was done with.
func (p *pending) answer(e *ledger.Event) {
	pos := e.Position()
	if p.safe(e, pos) {
		return
	}
	p.found.add(func() harness.Anomaly {
		a := unnamed(pos, e.At, fmt.Sprintf("answered for good by %s at %s, and its work was not finished", p.facts.name(e.Owner), moment(e.At)))
		a.Pods = []string{p.facts.name(e.Owner)}
		return a
	})
}

// safe reports whether a crash would not lose the record at a position, if it were
// committed now. A copy of what the source never had is owed by nobody.
func (p *pending) safe(now *ledger.Event, pos ledger.Position) bool {
	if pos.Topic == 0 {
		return p.done(pos) || len(p.asides.before(now, pos)) > 0
	}
	t := p.trails.places[pos]
	return t == nil || t.passedOn(pos) || p.finished[t.source.Partition].Has(t.source.Offset)
}

// done reports whether the record at a position of the source was finished or copied.
func (p *pending) done(pos ledger.Position) bool {
	if p.finished[pos.Partition].Has(pos.Offset) || p.trails.places[pos] != nil {
		return true
	}
	first := p.facts.Log.first(pos)
	return first != pos && p.done(first)
}

func (p *pending) Verdict() harness.Verdict {
	detail := ""
	if p.found.count > 0 {
		detail = fmt.Sprintf("%s committed before the work was finished: a crash in between loses what is committed", were(p.found.count))
	}
	return p.found.verdict(detail)
}
