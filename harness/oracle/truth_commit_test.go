package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// judgeCommitOrder: a confirmed commit is not lower than the one before it, unless a seek lowered
// that. A commit by a member that had the partition and lost it is a commit after revoke.
//
// The check may miss a commit after revoke in the interval in which observers saw the loss.
func (r *reference) judgeCommitOrder() {
	committed := map[*simPartition]int64{}
	when := map[*simPartition]time.Duration{}
	for _, e := range r.events {
		part, at := r.w.part(e.Position()), e.Position()
		at.Offset = max(0, e.Offset-1)
		switch {
		case e.Kind == ledger.EventExpired:
			for _, p := range r.w.parts {
				if p.group == e.Group {
					committed[p] = 0
				}
			}
		case part == nil || part.group != e.Group:
		case e.Kind == ledger.EventRewound && e.Offset >= 0:
			committed[part] = min(committed[part], e.Offset)
		case e.Kind != ledger.EventCommit || e.Outcome != ledger.OutcomeConfirmed:
		case e.Offset < committed[part]:
			if !r.returnsToCut(&e, when[part]) && e.Flags&ledger.FlagLate == 0 {
				r.add(CheckCommitRegression, at)
			}
			committed[part], when[part] = e.Offset, e.At
		default:
			committed[part], when[part] = e.Offset, e.At
			lost := r.w.trace.lastAssigned(part, e.Owner, e.At)
			if lost != nil && lost.until < e.At {
				r.perhaps(CheckCommitAfterRevoke, at, !r.w.unclear(at, e.At))
			}
		}
	}
}

// judgeStalledCommits: a record that is next to commit, and that its owner has completed or copied
// in the present pass, is committed within three commit intervals and a heartbeat.
//
// The check gives more time than that. It must find a record that was completed without a copy, if
// observers saw nothing happen from then on, and a session had passed since the last disruption.
func (r *reference) judgeStalledCommits() {
	f := r.facts
	if f.Delivery == harness.AtMostOnce || f.Share || f.Effect == harness.EffectOutput {
		return
	}
	for _, part := range r.w.parts[:f.Partitions] {
		for _, l := range part.records {
			for _, n := range r.nextToCommit(part, l) {
				r.judgeLongDone(part, l, n[0], n[1])
			}
		}
	}
}

// nextToCommit lists between which commits a record was next to commit: each commit that made it
// so, and the next one that did not. A commit at time 0 stands for the begin of the run, and one at
// never for its end. A jump of the owner is as a commit of what is committed already.
func (r *reference) nextToCommit(part *simPartition, l *simRecord) (list [][2]trueCommit) {
	jumps := r.jumpsOf(part.place.Partition)
	isNext := func(c trueCommit) bool {
		counts := func(o *simRecord) bool {
			return c.offset <= o.place.Offset && !slices.ContainsFunc(jumps, func(j jump) bool {
				return j.at <= c.at && j.from <= o.place.Offset && o.place.Offset < j.to
			})
		}
		return counts(l) && !slices.ContainsFunc(part.records, func(o *simRecord) bool { return o.place.Offset < l.place.Offset && counts(o) })
	}
	first, was := trueCommit{confirmed: true}, isNext(trueCommit{})
	for _, c := range r.commitsAndJumps(part, jumps) {
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

// commitsAndJumps lists the commits of a partition in time order, and a commit again for each jump.
func (r *reference) commitsAndJumps(part *simPartition, jumps []jump) (list []trueCommit) {
	last := trueCommit{part: part, confirmed: true}
	repeat := func(before time.Duration) {
		for ; len(jumps) > 0 && jumps[0].at < before; jumps = jumps[1:] {
			again := last
			again.at = jumps[0].at
			list = append(list, again)
		}
	}
	for _, c := range r.w.trace.commits {
		if c.part == part {
			repeat(c.at)
			list, last = append(list, c), c
		}
	}
	repeat(never)
	return list
}

// judgeLongDone expects a stalled commit for each pass in which a record was done, and next to
// commit, for longer than a commit may take.
func (r *reference) judgeLongDone(part *simPartition, l *simRecord, first, next trueCommit) {
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
			since, undisturbed := r.undisturbedSince(s, l.place, done, until)
			sure := undisturbed && first.confirmed && next.confirmed && until-max(since, first.at) > patience && r.completedUnder(s, l.place)
			r.perhaps(CheckStalledCommit, l.place, sure && !r.mayBeCommitted(part, l, until))
		}
	}
}

// mayBeCommitted reports whether a commit without a known result may have covered a record before
// a time.
func (r *reference) mayBeCommitted(part *simPartition, l *simRecord, before time.Duration) bool {
	return slices.ContainsFunc(r.w.seenCommits(part), func(c ledger.Event) bool {
		return c.Outcome == ledger.OutcomeUnknown && c.Offset > l.place.Offset && c.At < before
	})
}

// doneUnder is when a record was first completed, copied or deferred in a pass, never if it was not.
func (r *reference) doneUnder(s *pass, p ledger.Position) (done time.Duration) {
	done = never
	for _, e := range r.ranges {
		if r.isDeferredBy(&e, p) && r.w.trace.ranges[e.DeferredBy()] == s {
			done = min(done, e.At)
		}
	}
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

// completedUnder reports whether a pass completed a record before it copied or deferred it. Observers do not
// see which member made a copy.
func (r *reference) completedUnder(s *pass, p ledger.Position) bool {
	return slices.ContainsFunc(r.w.attempts, func(a *attempt) bool {
		return a.under == s && a.Position() == p && a.outcome == ledger.OutcomeEffect && a.end == r.doneUnder(s, p)
	})
}

// undisturbedSince is from when on a commit is due for a record that a pass had done at a time: when the last
// disruption that observers saw is over. undisturbed is false if they see the partition or its owner disturbed from
// done until the end.
func (r *reference) undisturbedSince(s *pass, p ledger.Position, done, until time.Duration) (since time.Duration, undisturbed bool) {
	since, undisturbed = done, true
	for _, e := range r.events {
		over, disturbs := max(e.At, e.Seen), true
		switch e.Kind {
		case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
			if e.Topic != p.Topic || e.Partition != p.Partition {
				continue
			}
		case ledger.EventDown, ledger.EventExpelled, ledger.EventInject, ledger.EventHeal:
			over += r.facts.Session
			disturbs = e.Owner == s.by.owner
		default:
			continue
		}
		if e.At >= done && e.At < until && disturbs {
			return 0, false
		}
		if e.At < until {
			since = max(since, over)
		}
	}
	for _, o := range r.w.trace.outages {
		undisturbed = undisturbed && !(o.from < until && o.to >= until)
	}
	return since, undisturbed
}
