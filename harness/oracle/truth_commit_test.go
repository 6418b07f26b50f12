package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeCommitOrder: no confirmed commit may be below what is committed, by the broker's account. A seek lowers that.
// None should come from a member that had the partition and lost it; the check may miss
// one that came while observers saw the loss.
func (r *reference) judgeCommitOrder() {
	committed := map[*simPartition]int64{}
	for _, e := range r.events {
		part, at := r.w.part(e.Position()), e.Position()
		at.Offset = max(0, e.Offset-1)
		switch {
		case part == nil || part.group != e.Group:
		case e.Kind == ledger.EventRewound && e.Offset >= 0:
			committed[part] = min(committed[part], e.Offset)
		case e.Kind != ledger.EventCommit || e.Outcome != ledger.OutcomeConfirmed:
		case e.Offset < committed[part]:
			r.add(CheckCommitRegression, at)
			committed[part] = e.Offset
		default:
			committed[part] = e.Offset
			lost := r.w.trace.lastAssigned(part, e.Owner, e.At)
			if lost != nil && lost.until < e.At {
				r.perhaps(CheckCommitAfterRevoke, at, !r.w.unclear(at, e.At))
			}
		}
	}
}

// judgeStalledCommits: a record to commit next, which its owner has completed or copied under
// the present pass, is committed within three commit intervals and a heartbeat.
//
// The check gives more time than the truth does: it stops the clock for a session after whatever is
// seen to happen to any member, and counts only effects since then.
func (r *reference) judgeStalledCommits() {
	f := r.facts
	if f.Delivery == harness.AtMostOnce || f.Share || f.Effect == harness.EffectOutput {
		return
	}
	for _, part := range r.w.parts[:f.Partitions] {
		for _, l := range part.records {
			for _, n := range r.nextToCommit(part, l) {
				if long, sure := r.longDone(part, l, n[0], n[1]); long {
					r.perhaps(CheckStalledCommit, l.place, sure)
				}
			}
		}
	}
}

// nextToCommit are the commits between which a record was the next to commit: each that
// made it so, and the next that did not. The begin of the run stands for the first
// commit, and its end for the last.
func (r *reference) nextToCommit(part *simPartition, l *simRecord) (list [][2]trueCommit) {
	isNext := func(c trueCommit) bool {
		return c.offset <= l.place.Offset && !slices.ContainsFunc(part.records, func(o *simRecord) bool {
			return c.offset <= o.place.Offset && o.place.Offset < l.place.Offset
		})
	}
	first, was := trueCommit{confirmed: true}, isNext(trueCommit{})
	for _, c := range r.w.trace.commits {
		if c.part != part {
			continue
		}
		switch is := isNext(c); {
		case is && !was:
			first, was = c, true
		case !is && was:
			list, was = append(list, [2]trueCommit{first, c}), false
		}
	}
	if was {
		list = append(list, [2]trueCommit{first, {at: never, confirmed: true}})
	}
	return list
}

// longDone reports whether a record was done under one pass, and next to commit, for longer
// than a commit may take, and whether the check must see it.
func (r *reference) longDone(part *simPartition, l *simRecord, first, next trueCommit) (long, sure bool) {
	patience := 3*r.facts.Commit + r.facts.Heartbeat
	for _, s := range r.w.trace.passes {
		if s.part != part {
			continue
		}
		until := min(next.at, s.until, r.facts.DrainEnd)
		for _, again := range r.w.trace.passes { // a seek ends a pass too
			if again.part == part && again.at > s.at {
				until = min(until, again.at)
			}
		}
		if done := r.doneUnder(s, l.place); until-max(done, first.at) > patience {
			long = true
			since, calm := r.calmSince(l.place, done, until)
			sure = sure || calm && first.confirmed && next.confirmed && until-max(since, first.at) > patience && r.completedUnder(s, l.place)
		}
	}
	return long, sure
}

// doneUnder is when the work on a record was done first under a pass, or it was copied, never
// if it was not.
func (r *reference) doneUnder(s *pass, p ledger.Position) (done time.Duration) {
	done = never
	for _, a := range r.w.attempts {
		if a.under != s || a.Position() != p {
			continue
		}
		if a.outcome == ledger.OutcomeEffect {
			done = min(done, a.end)
		}
		for _, c := range r.copies {
			if r.w.trace.copies[c.Position()] == a {
				done = min(done, c.At)
			}
		}
	}
	return done
}

// completedUnder reports whether a pass has completed a record: a copy that observers see is nobody's.
func (r *reference) completedUnder(s *pass, p ledger.Position) bool {
	return slices.ContainsFunc(r.w.attempts, func(a *attempt) bool {
		return a.under == s && a.Position() == p && a.outcome == ledger.OutcomeEffect && a.end == r.doneUnder(s, p)
	})
}

// calmSince is from when on commits are due for a record that was done at a time: when all
// that observers saw before is over. It is not calm if they see something until the end.
func (r *reference) calmSince(p ledger.Position, done, until time.Duration) (since time.Duration, calm bool) {
	since, calm = done, true
	for _, e := range r.events {
		over := max(e.At, e.Seen)
		switch e.Kind {
		case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
			if e.Topic != p.Topic || e.Partition != p.Partition {
				continue
			}
		case ledger.EventDown, ledger.EventExpelled, ledger.EventInject, ledger.EventHeal:
			over += r.facts.Session
		default:
			continue
		}
		if e.At >= done && e.At < until {
			return 0, false
		}
		if e.At < done {
			since = max(since, over)
		}
	}
	for _, o := range r.w.trace.outages {
		calm = calm && !(o.from < until && o.to > done)
	}
	return since, calm
}
