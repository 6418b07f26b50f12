package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeTransactions: outputs and commits lie in transactions, and each output has its commit.
func (r *reference) judgeTransactions() {
	for _, e := range r.events {
		commit := e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && (e.Topic == 0 && !e.OwnGroup() || r.facts.roleOf(e.Topic).TakesOver())
		if r.facts.Effect == harness.EffectOutput && e.Flags&ledger.FlagTransactional == 0 && (commit || isEffect(&e)) {
			r.add(CheckTransactionAtomicity, e.Position())
		}
	}
	for p := range r.h.ids {
		if r.facts.Effect == harness.EffectOutput && p.Topic == 0 && p.Offset >= r.facts.finalCommitAt(p) && slices.ContainsFunc(r.effects, func(e ledger.Event) bool { return r.source(e.Position()) == p }) {
			r.add(CheckTransactionAtomicity, p)
		}
	}
}

// isCompleted reports whether the record at a position had an effect at any place by a time.
func (r *reference) isCompleted(p ledger.Position, by time.Duration) bool {
	return slices.ContainsFunc(r.effects, func(e ledger.Event) bool {
		return (e.Position() == p || r.record(e.Position()) == r.record(p)) && e.At <= by
	})
}

// copiesOf lists the copies of the record at a position.
func (r *reference) copiesOf(p ledger.Position, by time.Duration) (list []ledger.Event) {
	for _, c := range r.copies {
		if r.h.ids[c.Position()] == r.h.ids[p] && c.At <= by {
			list = append(list, c)
		}
	}
	return list
}

// isDeferred reports whether a range defers the record at a position by a time.
func (r *reference) isDeferred(p ledger.Position, by time.Duration) bool {
	return slices.ContainsFunc(r.ranges, func(e ledger.Event) bool {
		return p.Topic == 0 && p.Partition == e.Partition && e.Offset <= p.Offset && p.Offset < e.To && e.At <= by
	})
}

// judgeIncomplete: a record without effect and dead letter is overtaken if it was deleted before a
// commit was past it, and no copy takes it over. Else it is lost if commits are past it at all its
// places. Otherwise it is a stall or an overload.
func (r *reference) judgeIncomplete() {
	last := time.Duration(0)
	for _, e := range slices.Concat(r.firsts, r.copies) {
		if e.At <= r.facts.DrainEnd && (isEffect(&e) || r.facts.roleOf(e.Topic) == harness.RoleDeadLetter) {
			last = max(last, e.At)
		}
	}
	for p := range r.h.ids {
		lost, dead := p.Offset < r.facts.finalCommitAt(p) || r.isFinal(p, never), false
		for _, a := range r.ranges {
			lost = lost && !(r.isDeferredBy(&a, p) && (a.DeferredBy().Offset < 0 || a.DeferredBy().Offset >= r.facts.finalCommitAt(a.DeferredBy())))
		}
		for _, c := range r.copiesOf(p, never) {
			dead = dead || r.facts.roleOf(c.Topic) == harness.RoleDeadLetter
			lost = lost && c.Offset < r.facts.finalCommitAt(c.Position())
		}
		switch {
		case p.Topic > 0 || dead || r.isCompleted(p, never):
		case r.overtakenBy(p) != nil:
			r.add(CheckOvertaken, p)
		case lost:
			r.add(CheckLoss, p)
		case r.facts.DrainEnd-last > r.facts.Session+2*r.facts.Commit+2*time.Second:
			r.add(CheckStall, p)
		default:
			r.add(CheckOverload, p)
		}
	}
}

// judgeDeadLetters: a dead letter needs attempts on its record that failed before it, or hardly
// later since the time of the broker is not exact. They are as many as the consumer declares, or
// one that failed as poison, or one that was cancelled if the consumer declares that.
func (r *reference) judgeDeadLetters() {
	for _, c := range r.copies {
		if r.facts.roleOf(c.Topic) != harness.RoleDeadLetter {
			continue
		}
		failed, founded := 0, false
		for _, e := range r.events {
			if e.Kind != ledger.EventEnd || !r.holds(&e) || r.record(e.Position()) != r.record(c.Position()) || e.At > c.At+10*time.Millisecond {
				continue
			}
			switch e.Outcome {
			case ledger.OutcomeError:
				failed++
			case ledger.OutcomePoison:
				founded = true
			case ledger.OutcomeCancelled:
				founded = founded || r.facts.DeadLetters.Cancelled
			}
		}
		if !founded && failed < max(1, r.facts.DeadLetters.Attempts) {
			r.add(CheckPrematureDeadLetter, c.Position())
		}
	}
}

// failed reports whether an attempt ended in error.
func failed(o ledger.Outcome) bool { return o == ledger.OutcomeError || o == ledger.OutcomePoison }

// judgeCommits: the records that a commit is the first to cover are completed, copied or deferred.
func (r *reference) judgeCommits() {
	covered := map[ledger.Position]bool{}
	for _, c := range r.events {
		role := r.facts.roleOf(c.Topic)
		if c.Kind == ledger.EventAcknowledged && !r.isTrimmed(c.Position(), c.At) && c.Outcome != ledger.OutcomeFailed && c.Ack != ledger.AckRelease && c.Ack != ledger.AckRenew &&
			!r.isCompleted(c.Position(), c.At) { // the commit of a share group
			r.add(CheckPrematureCommit, c.Position())
		}
		if c.Kind == ledger.EventCommit && c.Outcome == ledger.OutcomeConfirmed && role == harness.RoleRanges {
			r.judgeRangeCommit(&c, covered)
		}
		if c.Kind != ledger.EventCommit || c.Outcome != ledger.OutcomeConfirmed || c.Topic == 0 && c.OwnGroup() ||
			c.Topic > 0 && (!role.TakesOver() || role == harness.RoleDeadLetter) {
			continue
		}
		r.judgeCommitPastEnd(&c)
		for p := range r.h.ids {
			if p.Topic != c.Topic || p.Partition != c.Partition || p.Offset >= c.Offset || covered[p] || r.isStale(p, c.At) {
				continue
			}
			covered[p] = true
			safe := r.isCompleted(p, c.At) || r.isDeferred(p, c.At) || r.isTrimmed(p, c.At)
			this := time.Duration(-1) // when this copy was appended
			for _, o := range r.copiesOf(p, c.At) {
				if o.Position() == p {
					this = o.At
				}
			}
			for _, o := range r.copiesOf(p, c.At) {
				safe = safe || o.Position() != p && o.At >= this
			}
			if !safe && (p.Topic == 0 || this >= 0) {
				r.add(CheckPrematureCommit, p)
			}
		}
	}
}

// judgeCommitPastEnd: a commit of the source covers no more than the log. Each commit that goes
// further past its end counts.
func (r *reference) judgeCommitPastEnd(c *ledger.Event) {
	end := ledger.Position{Partition: c.Partition}
	for p := range r.h.ids {
		if p.Topic == 0 && p.Partition == c.Partition {
			end.Offset = max(end.Offset, p.Offset+1)
		}
	}
	before := slices.ContainsFunc(r.events, func(o ledger.Event) bool {
		return o.Kind == ledger.EventCommit && o.Outcome == ledger.OutcomeConfirmed && o.Topic == 0 && !o.OwnGroup() &&
			o.Partition == c.Partition && o.Offset >= c.Offset && o.At < c.At
	})
	last := ledger.Position{Partition: c.Partition, Offset: c.Offset - 1}
	if c.Topic == 0 && c.Offset > end.Offset && !before && !r.isStale(last, c.At) {
		r.add(CheckPrematureCommit, end)
	}
}

// judgeRangeCommit: a commit of the deferred topic covers ranges whose records are completed,
// copied, or deferred by another range that is not covered.
func (r *reference) judgeRangeCommit(c *ledger.Event, covered map[ledger.Position]bool) {
	for _, a := range r.ranges {
		if at := a.DeferredBy(); at.Offset >= 0 && at.Topic == c.Topic && at.Partition == c.Partition && at.Offset < c.Offset && a.At <= c.At && !covered[at] {
			covered[at] = true
			for p := range r.h.ids {
				safe := !r.isDeferredBy(&a, p) || r.isTrimmed(p, c.At) || r.isCompleted(p, c.At) || len(r.copiesOf(p, c.At)) > 0
				for _, o := range r.ranges {
					safe = safe || r.isDeferredBy(&o, p) && o.At <= c.At && !covered[o.DeferredBy()] && !(o.DeferredBy().Partition == c.Partition && o.DeferredBy().Offset < c.Offset)
				}
				if !safe {
					r.add(CheckPrematureCommit, p)
				}
			}
		}
	}
}

// isDeferredBy reports whether a range holds the record at a position of the source.
func (r *reference) isDeferredBy(a *ledger.Event, p ledger.Position) bool {
	return a.Flags&ledger.FlagCorrupt == 0 && p.Topic == 0 && a.Partition == p.Partition && a.Offset <= p.Offset && p.Offset < a.To
}
