package oracle

import (
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var pendingEntry = entry{
	name: CheckPrematureCommit, make: func(j *judgeState) check { return newPrematureCommit(j) },
	heldTo: heldToAtLeastOnce, leans: []string{LedgerComplete, ObserversKeptUp},
}

// prematureCommit finds commits that are ahead of the work: from the commit on until
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
type prematureCommit struct {
	facts     *Facts
	completed []ledger.Offsets // by position where a record first lay, see [judgeState]
	deferred  *deferredRanges
	copies    *copyIndex
	checked   map[ledger.Position]int64 // by partition, as a position at offset 0: up to where commits have been looked at
	beyond    map[int32]int64           // by partition of the source: the furthest commit past the end of its log
	found     findings
}

func newPrematureCommit(j *judgeState) *prematureCommit {
	return &prematureCommit{facts: j.Facts, completed: j.completed, deferred: j.deferred, copies: &j.redeliveries.copies, checked: map[ledger.Position]int64{}, beyond: map[int32]int64{}}
}

func (p *prematureCommit) Observe(b *batch) {
	for _, e := range b.Rare {
		switch e.Kind {
		case ledger.EventCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				p.judgeCommit(e)
			}
		case ledger.EventAcknowledged:
			if e.Held && e.Outcome != ledger.OutcomeFailed && e.Count != ledger.AckRelease && e.Count != ledger.AckRenew {
				p.judgeAcknowledgement(e)
			}
		}
	}
}

// judgeCommit looks at what a commit newly covers.
func (p *prematureCommit) judgeCommit(e *ledger.Event) {
	role := p.facts.roleOf(e.Topic)
	switch {
	case e.Topic > 0 && role.TakesOver() && role != harness.RoleDeadLetter:
		p.coverRecords(e)
	case role == harness.RoleRanges:
		p.coverRanges(e)
	case e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < p.facts.Partitions:
		p.coverRecords(e)
		p.findPastEnd(e)
	}
}

// findPastEnd looks whether a commit of the source is past the end of its log.
func (p *prematureCommit) findPastEnd(e *ledger.Event) {
	end := p.facts.Log.endOffset(0, e.Partition)
	if e.Offset <= max(end, p.beyond[e.Partition]) {
		return
	}
	p.beyond[e.Partition] = e.Offset
	p.found.addAnomaly(func() harness.Anomaly {
		a := unnamedAnomaly(ledger.Position{Partition: e.Partition, Offset: end}, e.At, fmt.Sprintf(
			"commit %d by %s at %s is past the end of the log, %d: it covers what is not there yet", e.Offset, p.facts.podName(e.Owner), formatTime(e.At), end))
		a.Pods = []string{p.facts.podName(e.Owner)}
		return a
	})
}

// coverRecords looks at the positions that a commit is the first to cover.
func (p *prematureCommit) coverRecords(e *ledger.Event) {
	part := ledger.Position{Topic: e.Topic, Partition: e.Partition}
	end := min(e.Offset, p.facts.Log.endOffset(e.Topic, e.Partition))
	for offset := p.checked[part]; offset < end; offset++ {
		if e.Topic == 0 {
			if offset = p.completed[e.Partition].Lacks(offset); offset >= end {
				break
			}
		}
		pos := ledger.Position{Topic: e.Topic, Partition: e.Partition, Offset: offset}
		if !p.isSafe(e, pos) && p.facts.Log.isAppended(pos) {
			p.reportPremature(e, pos, "it")
		}
	}
	p.checked[part] = max(p.checked[part], end)
}

// coverRanges looks at the records of the ranges that a commit is the first to cover.
func (p *prematureCommit) coverRanges(e *ledger.Event) {
	var covered []deferredRange
	for i := range p.deferred.list {
		r := &p.deferred.list[i]
		if !r.covered && r.deferredBefore(e) && r.in.Topic == e.Topic && r.in.Partition == e.Partition && r.in.Offset >= 0 && r.in.Offset < e.Offset {
			r.covered = true
			covered = append(covered, *r)
		}
	}
	for _, r := range covered {
		for offset := r.from; offset < r.to; offset++ {
			pos := ledger.Position{Partition: r.partition, Offset: offset}
			still := slices.ContainsFunc(p.deferred.rangesBefore(e, pos), func(o *deferredRange) bool { return !o.covered })
			if !still && p.facts.Log.isAppended(pos) && !p.isCompletedOrCopied(pos) {
				p.reportPremature(e, pos, "the range with it")
			}
		}
	}
}

// reportPremature finds that a commit is ahead of the work on a record.
func (p *prematureCommit) reportPremature(e *ledger.Event, pos ledger.Position, what string) {
	p.found.addAnomaly(func() harness.Anomaly {
		a := unnamedAnomaly(pos, e.At, fmt.Sprintf("commit %d by %s at %s covers %s, and its work was not finished", e.Offset, p.facts.podName(e.Owner), formatTime(e.At), what))
		a.Pods = []string{p.facts.podName(e.Owner)}
		return a
	})
}

// judgeAcknowledgement looks at what a member of a share group said it was done with.
func (p *prematureCommit) judgeAcknowledgement(e *ledger.Event) {
	pos := e.Position()
	if p.isSafe(e, pos) {
		return
	}
	p.found.addAnomaly(func() harness.Anomaly {
		a := unnamedAnomaly(pos, e.At, fmt.Sprintf("answered for good by %s at %s, and its work was not finished", p.facts.podName(e.Owner), formatTime(e.At)))
		a.Pods = []string{p.facts.podName(e.Owner)}
		return a
	})
}

// isSafe reports whether a crash would not lose the record at a position, if it were
// committed now. A copy of what the source never had is owed by nobody.
func (p *prematureCommit) isSafe(now *ledger.Event, pos ledger.Position) bool {
	if pos.Topic == 0 {
		return p.isCompletedOrCopied(pos) || len(p.deferred.rangesBefore(now, pos)) > 0
	}
	t := p.copies.byPosition[pos]
	return t == nil || t.hasLaterCopy(pos) || p.completed[t.source.Partition].Has(t.source.Offset)
}

// isCompletedOrCopied reports whether the record at a position of the source was finished or copied.
func (p *prematureCommit) isCompletedOrCopied(pos ledger.Position) bool {
	if p.completed[pos.Partition].Has(pos.Offset) || p.copies.byPosition[pos] != nil {
		return true
	}
	first := p.facts.Log.firstPosition(pos)
	return first != pos && p.isCompletedOrCopied(first)
}

func (p *prematureCommit) Verdict() harness.Verdict {
	detail := ""
	if p.found.count > 0 {
		detail = fmt.Sprintf("%s committed before the work was finished: a crash in between loses what is committed", countRecords(p.found.count))
	}
	return p.found.toVerdict(detail)
}
