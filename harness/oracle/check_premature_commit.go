package oracle

import (
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckPrematureCommit finds a commit that is ahead of the work: a crash between the commit and the end of the
// work loses the record. The check sees it at the commit, so no crash has to happen at the right moment.
//
//   - A commit of the source covers the appended records below it that no earlier commit covered. Each of them
//     must have an effect at any place, or a copy in a topic that takes over, or lie in a deferred range.
//   - A commit of a topic that takes over covers its copies likewise. Each record must have an effect, or
//     another copy in such a topic, appended no earlier. In a dead-letter topic no record is outstanding.
//   - A commit past a deferred range covers the records of the range, unless a range that is not covered has
//     them too.
//   - A commit of the source past the end of its log, further than any before it, loses the next record there.
//     A source has no control records.
//   - In a share group, an accept, a reject or a gap is the commit of its position.
//   - A record that was deleted from the source before is no work any more.
//
// Of the source, the commits of the run's group count. Of side topics, those of all groups count.
const CheckPrematureCommit = "premature commit"

var _ = register(entry{
	name: CheckPrematureCommit, gravity: commitsWrong + 1,
	finds:  "a commit ahead of the effect of a record and of a hand-off of it, or past the end of the log",
	claim:  "at-least-once and exactly-once",
	direct: "seen, but no acknowledgements in share groups",
	heldTo: heldToDelivery, needs: []string{LedgerComplete, ObserversKeptUp}, marks: marksCommit,
	newCheck: func(s *judgeState) check { return newPrematureCommit(s) },
})

type prematureCommit struct {
	facts     *Facts
	completed []ledger.Offsets // completed is the state of [judgeState].
	deferred  *deferredRanges
	copies    *copyIndex
	trims     *trims
	checked   map[ledger.Position]int64 // checked is up to where commits were checked, by partition as a position at offset 0.
	beyond    map[int32]int64           // beyond is the furthest commit past the end of the log, by partition of the source.
	found     findings
}

func newPrematureCommit(s *judgeState) *prematureCommit {
	return &prematureCommit{
		facts: s.Facts, completed: s.completed, deferred: s.deferred, copies: s.copies, trims: s.trims,
		checked: map[ledger.Position]int64{}, beyond: map[int32]int64{},
	}
}

func (p *prematureCommit) Observe(b *batch) {
	for _, e := range b.Rare {
		switch e.Kind {
		case ledger.EventCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				p.judgeCommit(e)
			}
		case ledger.EventAcknowledged:
			if e.Held && e.Outcome != ledger.OutcomeFailed && e.Ack != ledger.AckRelease && e.Ack != ledger.AckRenew {
				p.judgeAcknowledgement(e)
			}
		}
	}
}

// judgeCommit judges the records that a commit is the first to cover.
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

// findPastEnd reports a commit of the source that is past the end of its log.
func (p *prematureCommit) findPastEnd(e *ledger.Event) {
	end := p.facts.Log.endOffset(0, e.Partition)
	if e.Offset <= max(end, p.beyond[e.Partition]) {
		return
	}
	p.beyond[e.Partition] = e.Offset
	if e.Offset > p.facts.surelyKept(e.Partition, e.At) {
		return
	}
	p.report(e, ledger.Position{Partition: e.Partition, Offset: end}, func(pod string) string {
		return fmt.Sprintf("%s committed %d at %s, past the end of the log at %d: records that arrive there would be lost", pod, e.Offset, formatTime(e.At), end)
	})
}

// coverRecords judges the positions that a commit is the first to cover.
func (p *prematureCommit) coverRecords(e *ledger.Event) {
	part := ledger.Position{Topic: e.Topic, Partition: e.Partition}
	end := min(e.Offset, p.facts.Log.endOffset(e.Topic, e.Partition))
	if e.Topic == 0 {
		end = min(end, p.facts.surelyKept(e.Partition, e.At))
	}
	for offset := p.checked[part]; offset < end; offset++ {
		if e.Topic == 0 {
			if offset = p.completed[e.Partition].Lacks(offset); offset >= end {
				break
			}
		}
		position := ledger.Position{Topic: e.Topic, Partition: e.Partition, Offset: offset}
		if !p.isSafe(e, position) && p.facts.Log.isAppended(position) {
			p.reportCovered(e, position, "the record")
		}
	}
	p.checked[part] = max(p.checked[part], end)
}

// coverRanges judges the records of the deferred ranges that a commit is the first to cover.
func (p *prematureCommit) coverRanges(e *ledger.Event) {
	for _, r := range p.deferred.coverBelow(e) {
		for offset := r.from; offset < r.to; offset++ {
			position := ledger.Position{Partition: r.partition, Offset: offset}
			uncovered := slices.ContainsFunc(p.deferred.rangesBefore(e, position), func(o *deferredRange) bool { return !o.covered })
			if !uncovered && p.facts.Log.isAppended(position) && !p.isCompletedOrCopied(position) {
				p.reportCovered(e, position, "the range with the record")
			}
		}
	}
}

// reportCovered reports that a commit is ahead of the work on a record.
func (p *prematureCommit) reportCovered(e *ledger.Event, position ledger.Position, covered string) {
	p.report(e, position, func(pod string) string {
		return fmt.Sprintf("%s committed %d at %s, past %s, before its work was completed", pod, e.Offset, formatTime(e.At), covered)
	})
}

// judgeAcknowledgement judges the record of a final acknowledgement in a share group.
func (p *prematureCommit) judgeAcknowledgement(e *ledger.Event) {
	if p.isSafe(e, e.Position()) {
		return
	}
	p.report(e, e.Position(), func(pod string) string {
		return fmt.Sprintf("%s acknowledged it (%s) at %s, before its work was completed", pod, ackName(e.Ack), formatTime(e.At))
	})
}

func (p *prematureCommit) report(e *ledger.Event, position ledger.Position, text func(pod string) string) {
	p.found.addAnomaly(func() harness.Anomaly {
		pod := p.facts.podName(e.Owner)
		a := unnamedAnomaly(position, e.At, text(pod))
		a.Pods = []string{pod}
		return a
	})
}

// isSafe reports whether a crash would not lose the record at a position, if it were committed now. A copy of a
// record that the source never had is outstanding nowhere.
func (p *prematureCommit) isSafe(now *ledger.Event, position ledger.Position) bool {
	if position.Topic == 0 {
		return p.isCompletedOrCopied(position) || len(p.deferred.rangesBefore(now, position)) > 0
	}
	r := p.copies.byPosition[position]
	return r == nil || r.hasLaterCopy(position) || isCompletedAnywhere(p.facts.Log, p.completed, r.source)
}

// isCompletedOrCopied reports whether the record at a position of the source was completed, copied or deleted.
func (p *prematureCommit) isCompletedOrCopied(position ledger.Position) bool {
	return p.trims.isTrimmed(position) || isCompletedAnywhere(p.facts.Log, p.completed, position) ||
		p.copies.byPosition[p.facts.Log.firstPosition(position)] != nil
}

func (p *prematureCommit) Verdict() harness.Verdict {
	detail := ""
	if p.found.count > 0 {
		detail = fmt.Sprintf("%s committed before the work was completed: a crash in between loses what is committed", countRecords(p.found.count))
	}
	return p.found.toVerdict(detail)
}
