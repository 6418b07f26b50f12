package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// plantPrematureCommit commits a record in the instant before its work ends.
func plantPrematureCommit(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt
	finished, before, copies := map[ledger.Position]bool{}, map[[2]uint32]bool{}, map[[2]uint32]int{}
	for _, e := range w.seen {
		if e.Kind == ledger.EventCopied {
			copies[[2]uint32{e.Key, e.Seq}]++
		}
	}
	for _, a := range w.effects() {
		p := w.part(a.Position())
		id := [2]uint32{a.Key, a.Seq}
		// A record with a copy elsewhere is safe here.
		lowest := !before[id] && copies[id] == min(1, int(a.Topic)) && !finished[a.Position()] && !slices.ContainsFunc(p.records, func(l *simRecord) bool {
			return l.place.Offset < a.Offset && !finished[l.place]
		})
		next := w.between(a.Position(), a.end-nanosecond, w.now)
		held := len(next) > 0 && next[0].Kind == ledger.EventCommit && next[0].Outcome == ledger.OutcomeConfirmed && next[0].Offset > a.Offset
		if lowest && held && next[0].Owner == a.Owner && w.rangeOf(a) == nil && !w.isDeleted(a.Position()) {
			fit = append(fit, a)
		}
		finished[a.Position()], before[id] = true, true
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	w.event(ledger.Event{
		Kind: ledger.EventCommit, Outcome: ledger.OutcomeConfirmed, At: a.end - nanosecond, Owner: a.Owner, Membership: ledger.Membership{Group: w.part(a.Position()).group},
		Topic: a.Topic, Partition: a.Partition, Offset: a.Offset + 1,
	})
	return []ledger.Position{a.Position()}, []string{CheckPrematureCommit}, true
}

// plantCommitPastEnd commits past the end of the log when all records are completed.
func plantCommitPastEnd(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	p := pick(w.r, w.parts[:w.facts.Partitions]...)
	if p.owner == nil {
		return nil, nil, false
	}
	w.event(ledger.Event{
		Kind: ledger.EventCommit, Outcome: ledger.OutcomeConfirmed, At: w.facts.DrainEnd, Owner: p.owner.owner,
		Partition: p.place.Partition, Offset: p.place.Offset + 1 + w.r.Int64N(3),
	})
	return []ledger.Position{p.place}, []string{CheckPrematureCommit}, true
}

// confirmed lists the commits above zero that were confirmed, without a change right after them.
func (w *simulation) confirmed() (list []ledger.Event) {
	for _, e := range w.seen {
		if e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && e.Offset > 0 && w.undisturbed(e.Position(), e.At+nanosecond, e.At+2*nanosecond) {
			list = append(list, e)
		}
	}
	return list
}

// plantCommitRegression commits a lower offset than before.
func plantCommitRegression(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.confirmed())
	if !ok {
		return nil, nil, false
	}
	e.At += nanosecond
	e.Seen = e.At
	e.Offset = w.r.Int64N(e.Offset)
	w.event(e)
	return []ledger.Position{{Topic: e.Topic, Partition: e.Partition, Offset: max(0, e.Offset-1)}}, []string{CheckCommitRegression}, true
}

// plantStalledCommit removes the commits of a partition from some time on, and makes the commit
// interval shorter than that.
func plantStalledCommit(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.confirmed())
	if !ok || e.Topic != 0 || e.OwnGroup() || w.facts.Final[e.Partition] == 0 {
		return nil, nil, false
	}
	if !slices.IsSortedFunc(w.seenCommits(w.part(e.Position())), func(a, b ledger.Event) int { return cmp.Compare(a.Offset, b.Offset) }) {
		return nil, nil, false // without the lower commits, observers would expect a later start of the next pass
	}
	w.seen = slices.DeleteFunc(w.seen, func(o ledger.Event) bool {
		return o.Kind == ledger.EventCommit && o.Topic == 0 && !o.OwnGroup() && o.Partition == e.Partition && o.At >= e.At
	})
	w.trace.commits = slices.DeleteFunc(w.trace.commits, func(c trueCommit) bool { return c.part == w.part(e.Position()) && c.at >= e.At })
	w.facts.Final[e.Partition] = 0
	for _, c := range w.trace.commits {
		if c.part == w.part(e.Position()) {
			w.facts.Final[e.Partition] = c.offset
		}
	}
	w.facts.DrainEnd += time.Duration(w.r.IntN(3)) * time.Second
	w.facts.Commit = time.Duration(w.r.Int64N(int64(w.facts.DrainEnd-e.At)/3 + 1))
	at = w.expect().expected.must[CheckStalledCommit]
	return at, []string{CheckStalledCommit}, len(at) > 0
}

// lossesBefore lists the losses of the partition before an event, by members that did not get it
// again before the event. Members that the group expelled are left out.
func (w *simulation) lossesBefore(e ledger.Event) (list []ledger.Event) {
	for _, lost := range w.seen {
		same := lost.Kind == ledger.EventReleased && lost.Topic == e.Topic && lost.Partition == e.Partition && lost.Seen < e.At
		again := slices.ContainsFunc(w.seen, func(o ledger.Event) bool {
			return o.Kind == ledger.EventOwned && o.Owner == lost.Owner && o.Topic == e.Topic && o.Partition == e.Partition && o.At >= lost.At && o.At <= e.At+2*nanosecond
		})
		expelled := slices.ContainsFunc(w.seen, func(o ledger.Event) bool { return o.Kind == ledger.EventExpelled && o.Owner == lost.Owner })
		if same && !again && !expelled {
			list = append(list, lost)
		}
	}
	return list
}

// plantLateCommit repeats a commit in the name of a member that lost the partition. That is no
// commit regression, so no check fails.
func plantLateCommit(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.confirmed())
	if !ok {
		return nil, nil, false
	}
	lost, ok := anyOf(w, w.lossesBefore(e))
	e.At += nanosecond
	e.Seen = e.At
	e.Owner, e.Member = lost.Owner, lost.Member
	w.event(e)
	return nil, nil, ok
}

// plantLateRange commits past a range before the range is in the log.
func plantLateRange(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	for i := range w.seen {
		r := &w.seen[i]
		if r.Kind != ledger.EventDeferred {
			continue
		}
		p := ledger.Position{Partition: r.Partition, Offset: r.Offset}
		next := w.between(p, r.At, w.now)
		covers := len(next) > 1 && next[1].Kind == ledger.EventCommit && next[1].Outcome == ledger.OutcomeConfirmed && next[1].Offset >= r.To
		worked := len(next) > 1 && slices.ContainsFunc(w.attempts, func(a *attempt) bool {
			return a.Partition == r.Partition && a.Topic == 0 && a.Offset >= r.Offset && a.Offset < r.To && a.At <= next[1].At+nanosecond
		})
		if !covers || worked || w.rangeOf(&attempt{Event: ledger.Event{Partition: r.Partition, Offset: r.Offset}}) != r {
			continue
		}
		r.At = next[1].At + nanosecond
		r.Seen = r.At
		for _, l := range w.part(p).records {
			if l.place.Offset >= r.Offset && l.place.Offset < r.To {
				at = append(at, l.place)
			}
		}
		return at, []string{CheckPrematureCommit}, !slices.ContainsFunc(at, w.isDeleted)
	}
	return nil, nil, false
}

// plantEarlyRange commits a range in the instant before the last work on it ends.
func plantEarlyRange(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	if w.deferredTopic == nil {
		return nil, nil, false
	}
	for _, a := range slices.Backward(w.single()) {
		r := w.rangeOf(a)
		if r == nil || a.At < r.At {
			continue
		}
		next := w.between(r.DeferredBy(), a.end-nanosecond, w.now)
		done := len(next) > 0 && next[0].Kind == ledger.EventCommit && next[0].Outcome == ledger.OutcomeConfirmed && next[0].Offset > r.DeferredBy().Offset
		if !done || next[0].Owner != a.Owner {
			continue
		}
		e := next[0]
		e.At, e.Offset = a.end-nanosecond, r.DeferredBy().Offset+1
		e.Seen = e.At
		w.event(e)
		if slices.Contains(w.expect().expected.must[CheckPrematureCommit], a.Position()) { // otherwise another range has it too
			return []ledger.Position{a.Position()}, []string{CheckPrematureCommit}, true
		}
		return nil, nil, false
	}
	return nil, nil, false
}

// plantOutputWithoutCommit keeps the last outputs of a partition and takes away their commit.
func plantOutputWithoutCommit(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	l, ok := anyOf(w, w.sourceRecords())
	if !ok {
		return nil, nil, false
	}
	w.facts.Final[l.place.Partition] = l.place.Offset
	return []ledger.Position{l.place}, []string{CheckTransactionAtomicity}, true
}

// plantCommitOutside commits outside the transaction.
func plantCommitOutside(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	i := slices.IndexFunc(w.seen, func(e ledger.Event) bool { return e.Kind == ledger.EventCommit && w.r.IntN(3) == 0 })
	if i < 0 {
		return nil, nil, false
	}
	w.seen[i].Flags = 0
	return []ledger.Position{w.seen[i].Position()}, []string{CheckTransactionAtomicity}, true
}

// plantOutputOutside appends an output outside its transaction.
func plantOutputOutside(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleOutput))
	if !ok {
		return nil, nil, false
	}
	e.Flags = 0
	return []ledger.Position{e.Position()}, []string{CheckTransactionAtomicity}, true
}
