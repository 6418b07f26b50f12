package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// confirmed are the commits that were seen to hold and above zero, and were not
// disturbed right after.
func (w *world) confirmed() (list []ledger.Event) {
	for _, e := range w.seen {
		if e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && e.Offset > 0 && w.undisturbed(e.Position(), e.At+nanosecond, e.At+2*nanosecond) {
			list = append(list, e)
		}
	}
	return list
}

// plantRegression commits less than before.
func plantRegression(w *world) (at []ledger.Position, fails []string, ok bool) {
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

// plantBehind has no commit of a partition hold from some time on, and a clock to
// commit by that is faster than that.
func plantBehind(w *world) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.confirmed())
	if !ok || e.Topic != 0 || e.OwnGroup() || w.facts.Final[e.Partition] == 0 {
		return nil, nil, false
	}
	w.seen = slices.DeleteFunc(w.seen, func(o ledger.Event) bool {
		return o.Kind == ledger.EventCommit && o.Topic == 0 && !o.OwnGroup() && o.Partition == e.Partition && o.At >= e.At
	})
	w.trace.commits = slices.DeleteFunc(w.trace.commits, func(c trueCommit) bool { return c.part == w.part(e.Position()) && c.at >= e.At })
	w.facts.Final[e.Partition] = 0
	for _, o := range w.seen {
		if o.Kind == ledger.EventCommit && o.Topic == 0 && !o.OwnGroup() && o.Partition == e.Partition && o.Outcome == ledger.OutcomeConfirmed {
			w.facts.Final[e.Partition] = max(w.facts.Final[e.Partition], o.Offset)
		}
	}
	w.facts.DrainEnd += time.Duration(w.r.IntN(3)) * time.Second
	w.facts.Commit = time.Duration(w.r.Int64N(int64(w.facts.DrainEnd-e.At)/3 + 1))
	at = w.expect().expected.must[CheckStalledCommit]
	return at, []string{CheckStalledCommit}, len(at) > 0
}

// gone are the losses of a partition that came before an event of it, by members
// that had not got it again by then and were never expelled.
func (w *world) gone(e ledger.Event) (list []ledger.Event) {
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

// plantLateCommit commits what is committed once more, for one who lost the
// partition: no regression, so nothing fails.
func plantLateCommit(w *world) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.confirmed())
	if !ok {
		return nil, nil, false
	}
	lost, ok := anyOf(w, w.gone(e))
	e.At += nanosecond
	e.Seen = e.At
	e.Owner, e.Member = lost.Owner, lost.Member
	w.event(e)
	return nil, nil, ok
}

// plantZombie begins a record again that another owner has taken over.
func plantZombie(w *world) (at []ledger.Position, fails []string, ok bool) {
	if w.facts.Order == harness.OrderNone {
		return nil, nil, false
	}
	a, ok := anyOf(w, w.alone())
	if !ok {
		return nil, nil, false
	}
	after := a.Event
	after.At = a.end
	lost, ok := anyOf(w, w.gone(after))
	if !ok || lost.Owner == a.Owner {
		return nil, nil, false
	}
	b := w.again(a)
	b.Owner, b.outcome, b.under = lost.Owner, ledger.OutcomeCancelled, nil
	return []ledger.Position{b.Position()}, []string{CheckZombie}, true
}

// plantLogDuplicate lets a record land twice; the consumer works on both.
func plantLogDuplicate(w *world) (at []ledger.Position, fails []string, ok bool) {
	p := pick(w.r, w.parts[:w.facts.Partitions]...)
	if len(p.landed) == 0 || len(w.facts.Sides) > 0 {
		return nil, nil, false
	}
	l, place := pick(w.r, p.landed...), p.place
	w.land(p, place, l.key, l.seq)
	start := w.tick()
	a := &attempt{Event: ledger.Event{
		Kind: ledger.EventStart, At: start, Start: start, Owner: p.owner.owner, Partition: place.Partition, Offset: place.Offset, Key: l.key, Seq: l.seq,
	}}
	a.end, a.outcome, a.under = w.tick(), ledger.OutcomeEffect, p.pass
	w.attempts = append(w.attempts, a)
	w.facts.Final[place.Partition] = place.Offset + 1
	w.facts.DrainEnd = w.tick()
	return []ledger.Position{place}, []string{CheckLogDuplicate}, true
}

// plantLogOrder lets two records of a key, one right after the other, land in the
// wrong order.
func plantLogOrder(w *world) (at []ledger.Position, fails []string, ok bool) {
	all := w.allLanded()
	l, ok := anyOf(w, all)
	if !ok || len(w.facts.Sides) > 0 {
		return nil, nil, false
	}
	i := slices.IndexFunc(all, func(o *landing) bool { return o.key == l.key && o.seq > l.seq && o.place.Offset > l.place.Offset })
	if i < 0 {
		return nil, nil, false
	}
	next := all[i]
	for place, seq := range map[ledger.Position]uint32{l.place: next.seq, next.place: l.seq} {
		w.ids[place] = [2]uint32{l.key, seq}
		for _, a := range w.on(place) {
			a.Seq = seq
		}
		for i := range w.seen {
			if e := &w.seen[i]; e.Kind == ledger.EventAcked && e.Outcome == ledger.OutcomeAcked && e.Position() == place {
				e.Seq = seq
			}
		}
	}
	return []ledger.Position{next.place}, []string{CheckLogOrder}, true
}

// plantCorruption alters a value on the way to an attempt or to a side topic.
func plantCorruption(w *world) (at []ledger.Position, fails []string, ok bool) {
	if letters := w.appended(harness.RoleDeadLetter); len(letters) > 0 && w.r.IntN(2) == 0 {
		e := pick(w.r, letters...)
		e.Flags |= ledger.FlagCorrupt
		return []ledger.Position{e.Position()}, []string{CheckCorruption}, true
	}
	a, ok := anyOf(w, w.attempts)
	if !ok {
		return nil, nil, false
	}
	a.Flags |= ledger.FlagCorrupt
	return []ledger.Position{a.Position()}, []string{CheckCorruption}, true
}

// appended are the copies in the topic of a role.
func (w *world) appended(role harness.Role) (list []*ledger.Event) {
	for i := range w.seen {
		if e := &w.seen[i]; e.Kind == ledger.EventCopied && w.facts.roleOf(e.Topic) == role {
			list = append(list, e)
		}
	}
	return list
}

// plantNoLetter takes away the last dead letter of its partition, for whose answer
// nobody had waited.
func plantNoLetter(w *world) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok {
		return nil, nil, false
	}
	gone := *e
	if gone.Offset != w.part(gone.Position()).place.Offset-1 || len(w.effectsOf(gone.Key, gone.Seq)) > 0 {
		return nil, nil, false
	}
	delete(w.ids, gone.Position())
	w.seen = slices.DeleteFunc(w.seen, func(o ledger.Event) bool { return o.Kind == ledger.EventCopied && o.Position() == gone.Position() })
	return w.lost(gone.Key, gone.Seq)
}

func (w *world) effectsOf(key, seq uint32) (list []*attempt) {
	for _, a := range w.effects() {
		if a.Key == key && a.Seq == seq {
			list = append(list, a)
		}
	}
	return list
}

// plantLetterEffect works on a record in spite of its dead letter.
func plantLetterEffect(w *world) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok || len(w.effectsOf(e.Key, e.Seq)) > 0 {
		return nil, nil, false
	}
	var last *attempt // the one that failed
	for _, a := range w.attempts {
		if a.Key == e.Key && a.Seq == e.Seq && a.end < e.At && failed(a.outcome) {
			last = a
		}
	}
	if last == nil || !w.undisturbed(last.Position(), last.At, e.At+2*nanosecond) {
		return nil, nil, false
	}
	b := *last
	b.At, b.Start, b.end, b.outcome = e.At+nanosecond, e.At+nanosecond, e.At+2*nanosecond, ledger.OutcomeEffect
	w.attempts = append(w.attempts, &b)
	for p, id := range w.ids { // a rewind may excuse this end of the record, and not the next
		if id == [2]uint32{e.Key, e.Seq} {
			at = append(at, p)
		}
	}
	return at, []string{CheckConflictingOutcomes}, len(w.expect().expected.must[CheckConflictingOutcomes]) == 1
}

// plantEffectLetter makes a dead letter of a record that was worked on.
func plantEffectLetter(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok || w.letters == nil {
		return nil, nil, false
	}
	w.tick()
	place := w.copy(pick(w.r, w.letters...), a.Key, a.Seq, nil)
	w.facts.DrainEnd = w.tick()
	fails = []string{CheckConflictingOutcomes}
	if len(w.expect().expected.must[CheckPrematureDeadLetter]) > 0 {
		fails = append(fails, CheckPrematureDeadLetter)
	}
	return []ledger.Position{place}, fails, len(w.expect().expected.must[CheckConflictingOutcomes]) == 1
}

// plantUnfoundedLetter takes back that the work on a record failed before it became a
// dead letter: it was cut short.
func plantUnfoundedLetter(w *world) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok {
		return nil, nil, false
	}
	for _, o := range w.appended(harness.RoleDeadLetter) { // a rewind may have brought about more than one
		if o.Key == e.Key && o.Seq == e.Seq {
			at = append(at, o.Position())
		}
	}
	for _, a := range w.attempts {
		if a.Key == e.Key && a.Seq == e.Seq && failed(a.outcome) {
			a.outcome = ledger.OutcomeCancelled
		}
	}
	return at, []string{CheckPrematureDeadLetter}, !w.facts.DeadLetters.Cancelled
}

// plantHastyLetter declares one try more than a dead letter had, and that nothing else
// will do.
func plantHastyLetter(w *world) (at []ledger.Position, fails []string, ok bool) {
	tries := func(e *ledger.Event) (n int, poison bool) {
		for _, a := range w.attempts {
			if a.Key == e.Key && a.Seq == e.Seq && a.end <= e.At+stampSlack {
				poison = poison || a.outcome == ledger.OutcomePoison
				if a.outcome == ledger.OutcomeError {
					n++
				}
			}
		}
		return n, poison
	}
	e, ok := anyOf(w, w.appended(harness.RoleDeadLetter))
	if !ok {
		return nil, nil, false
	}
	had, poison := tries(e)
	if had == 0 || poison {
		return nil, nil, false
	}
	w.facts.DeadLetters = harness.DeadLetterPolicy{Attempts: had + 1}
	for _, o := range w.appended(harness.RoleDeadLetter) {
		if n, poison := tries(o); n <= had && !poison {
			at = append(at, o.Position())
		}
	}
	return at, []string{CheckPrematureDeadLetter}, true
}

// plantPhantomCopy makes a dead letter of a record that nobody sent.
func plantPhantomCopy(w *world) (at []ledger.Position, fails []string, ok bool) {
	if w.letters == nil {
		return nil, nil, false
	}
	w.tick()
	place := w.copy(pick(w.r, w.letters...), 1000, uint32(w.r.IntN(5)), nil)
	w.facts.DrainEnd = w.tick()
	return []ledger.Position{place}, []string{CheckPhantom}, true
}

// plantOutputOutside makes an output outside of its transaction.
func plantOutputOutside(w *world) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleOutput))
	if !ok {
		return nil, nil, false
	}
	e.Flags = 0
	return []ledger.Position{e.Position()}, []string{CheckTransactionAtomicity}, true
}

// plantCommitOutside commits outside of the transaction.
func plantCommitOutside(w *world) (at []ledger.Position, fails []string, ok bool) {
	i := slices.IndexFunc(w.seen, func(e ledger.Event) bool { return e.Kind == ledger.EventCommit && w.r.IntN(3) == 0 })
	if i < 0 {
		return nil, nil, false
	}
	w.seen[i].Flags = 0
	return []ledger.Position{w.seen[i].Position()}, []string{CheckTransactionAtomicity}, true
}

// plantTorn keeps the last outputs of a partition and not their commit.
func plantTorn(w *world) (at []ledger.Position, fails []string, ok bool) {
	l, ok := anyOf(w, w.allLanded())
	if !ok {
		return nil, nil, false
	}
	w.facts.Final[l.place.Partition] = l.place.Offset
	return []ledger.Position{l.place}, []string{CheckTransactionAtomicity}, true
}

// plantOutputTwice repeats an output.
func plantOutputTwice(w *world) (at []ledger.Position, fails []string, ok bool) {
	e, ok := anyOf(w, w.appended(harness.RoleOutput))
	if !ok {
		return nil, nil, false
	}
	w.tick()
	place := w.copy(w.out, e.Key, e.Seq, nil)
	w.seen[len(w.seen)-1].Flags = ledger.FlagTransactional
	w.facts.DrainEnd = w.tick()
	return []ledger.Position{place}, []string{CheckUnexplainedDuplicate}, true
}

// plantNoOutput commits the last record that was output, and its output never comes.
func plantNoOutput(w *world) (at []ledger.Position, fails []string, ok bool) {
	if w.out.place.Offset == 0 {
		return nil, nil, false
	}
	gone := w.out.place
	gone.Offset--
	id := w.ids[gone]
	delete(w.ids, gone)
	w.seen = slices.DeleteFunc(w.seen, func(o ledger.Event) bool { return o.Kind == ledger.EventCopied && o.Position() == gone })
	return w.lost(id[0], id[1])
}

// plantTwiceDelivered works twice on one delivery.
func plantTwiceDelivered(w *world) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt
	for _, a := range w.effects() { // not the work of one whose lock had expired
		if slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
			return e.Kind == ledger.EventAcknowledged && e.Count == ledger.AckAccept && e.Owner == a.Owner && e.Position() == a.Position() && e.At > a.end
		}) && a.end < a.At+w.facts.Lock {
			fit = append(fit, a)
		}
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	return []ledger.Position{w.again(a).Position()}, []string{CheckUnexplainedDuplicate}, len(w.expect().expected.must[CheckUnexplainedDuplicate]) == 1
}

// plantBesideShare has a pod do again what a share group gave to another and never to it.
func plantBesideShare(w *world) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt
	for _, a := range w.effects() {
		if w.handed && len(w.on(a.Position())) == 1 {
			fit = append(fit, a)
		}
	}
	a, ok := anyOf(w, fit)
	others := slices.DeleteFunc(w.alive(), func(m *member) bool { return ok && m.owner%16 == a.Owner%16 })
	m, alive := anyOf(w, others)
	if !ok || !alive {
		return nil, nil, false
	}
	b := w.again(a)
	b.Owner, b.Count, b.delivery = m.owner, 0, nil
	must := w.expect().expected.must
	return []ledger.Position{b.Position()}, []string{CheckUnexplainedDuplicate}, len(must[CheckUnexplainedDuplicate]) == 1 && len(must[CheckAckAfterLockExpiry]) == 0
}

// last is the last attempt on its record.
func (w *world) last(a *attempt) bool {
	on := w.on(a.Position())
	return on[len(on)-1] == a
}

// plantReleaseDone makes a release of the accept of a record, which comes again and is
// worked on again.
func plantReleaseDone(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok || !w.last(a) || int(a.Count) >= w.facts.Deliveries {
		return nil, nil, false
	}
	i := slices.IndexFunc(w.seen, func(e ledger.Event) bool {
		return e.Kind == ledger.EventAcknowledged && e.Count == ledger.AckAccept && e.Owner == a.Owner && e.Position() == a.Position()
	})
	if i < 0 || w.seen[i].At < a.end || w.seen[i].At >= a.At+w.facts.Lock {
		return nil, nil, false
	}
	accept := w.seen[i]
	w.seen[i].Count = ledger.AckRelease
	b := *a
	b.Count++
	a.delivery.released = accept.At
	b.delivery = w.trace.deliver(a.Position(), a.delivery.to, accept.At+nanosecond, a.delivery)
	b.At = accept.At + nanosecond
	b.Start, b.end = b.At, b.At+nanosecond
	w.attempts = append(w.attempts, &b)
	accept.At += 3 * nanosecond
	accept.Seen = accept.At
	w.event(accept)
	return []ledger.Position{a.Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantTooMany delivers a record more often than the group's limit.
func plantTooMany(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.attempts)
	if !ok || !w.last(a) || len(w.on(a.Position())) > 1 {
		return nil, nil, false
	}
	a.Count = uint8(w.facts.Deliveries + 1)
	return []ledger.Position{a.Position()}, []string{CheckDeliveryCount}, true
}

// plantUncounted delivers a released record under the same count again.
func plantUncounted(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.attempts)
	if !ok || !w.last(a) || a.Count < 2 {
		return nil, nil, false
	}
	on := w.on(a.Position())
	before := on[max(0, len(on)-2)]
	released := slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		return e.Kind == ledger.EventAcknowledged && e.Count == ledger.AckRelease && e.Owner == before.Owner && e.Position() == a.Position() && e.At > before.end && e.At < a.At
	})
	a.Count = before.Count
	return []ledger.Position{a.Position()}, []string{CheckDeliveryCount}, released
}

// plantLateAccept accepts for one whose lock has expired while another has begun.
func plantLateAccept(w *world) (at []ledger.Position, fails []string, ok bool) {
	var fit []*attempt
	for _, a := range w.attempts {
		on := w.on(a.Position())
		other := slices.ContainsFunc(on, func(o *attempt) bool {
			return o.Owner != a.Owner && o.At > a.At && o.At < a.end && o.At-a.At >= w.facts.Lock
		})
		own := 0
		for _, o := range on {
			if o.Owner == a.Owner {
				own++
			}
		}
		renewed := slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
			return e.Kind == ledger.EventAcknowledged && e.Count == ledger.AckRenew && e.Position() == a.Position()
		})
		if other && own == 1 && !renewed && a.outcome == ledger.OutcomeEffect {
			fit = append(fit, a)
		}
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	w.event(ledger.Event{
		Kind: ledger.EventAcknowledged, Outcome: pick(w.r, ledger.OutcomeConfirmed, ledger.OutcomeFailed), At: a.end + nanosecond, Owner: a.Owner,
		Count: ledger.AckAccept, Partition: a.Partition, Offset: a.Offset, Key: a.Key, Seq: a.Seq,
	})
	return []ledger.Position{a.Position()}, []string{CheckAckAfterLockExpiry}, true
}

// plantParallelism declares one attempt at once less than there were.
func plantParallelism(w *world) (at []ledger.Position, fails []string, ok bool) {
	most := 0
	for _, a := range w.attempts {
		most = max(most, w.beside(a))
	}
	if w.facts.Parallelism = most - 1; most < 2 {
		return nil, nil, false
	}
	at = w.expect().expected.must[CheckExcessParallelism]
	return at, []string{CheckExcessParallelism}, len(at) > 0
}

// plantStarvation has no patience with the key that waits longest.
func plantStarvation(w *world) (at []ledger.Position, fails []string, ok bool) {
	long := slices.ContainsFunc(w.parts, func(p *part) bool { return p.place.Offset > passedEvery+1 })
	if !long {
		return nil, nil, false
	}
	wait := w.expect().longest
	w.facts.Thresholds.StarvedAfter = wait - nanosecond
	return w.expect().expected.must[CheckStarvation], []string{CheckStarvation}, wait > nanosecond
}

// plantBlast has no patience with the slowest record beside a hot key.
func plantBlast(w *world) (at []ledger.Position, fails []string, ok bool) {
	l, ok := anyOf(w, w.allLanded())
	if !ok {
		return nil, nil, false
	}
	w.facts.Aggressors = []uint32{l.key}
	var slowest *attempt
	done := map[ledger.Position]bool{}
	for _, a := range w.effects() {
		if a.Key != l.key && a.Topic == 0 && !done[a.Position()] {
			slowest = a
		}
		done[a.Position()] = true
	}
	if slowest == nil || len(w.facts.Sides) > 0 {
		return nil, nil, false
	}
	w.facts.Thresholds.OthersP99 = slowest.end - nanosecond
	return []ledger.Position{slowest.Position()}, []string{CheckBlastRadius}, true
}

// rangeOf is the first range that sets the record of an attempt aside, nil without one.
func (w *world) rangeOf(a *attempt) *ledger.Event {
	for i := range w.seen {
		if e := &w.seen[i]; e.Kind == ledger.EventDeferred && a.Topic == 0 && e.Partition == a.Partition && e.Offset <= a.Offset && a.Offset < e.To {
			return e
		}
	}
	return nil
}

// plantRangeTwice works on a record of a range a second time.
func plantRangeTwice(w *world) (at []ledger.Position, fails []string, ok bool) {
	within := slices.DeleteFunc(w.alone(), func(a *attempt) bool {
		return w.rangeOf(a) == nil || a.At < w.rangeOf(a).At || !w.rangeIsWhole(a.Position())
	})
	a, ok := anyOf(w, within)
	if !ok {
		return nil, nil, false
	}
	return []ledger.Position{w.again(a).Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantLateRange commits past a range before it is in the log.
func plantLateRange(w *world) (at []ledger.Position, fails []string, ok bool) {
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
		for _, l := range w.part(p).landed {
			if l.place.Offset >= r.Offset && l.place.Offset < r.To {
				at = append(at, l.place)
			}
		}
		return at, []string{CheckPrematureCommit}, true
	}
	return nil, nil, false
}

// plantEarlyRange commits a range in the instant before the last work on it ends.
func plantEarlyRange(w *world) (at []ledger.Position, fails []string, ok bool) {
	if w.skipped == nil {
		return nil, nil, false
	}
	for _, a := range slices.Backward(w.single()) {
		r := w.rangeOf(a)
		if r == nil || a.At < r.At {
			continue
		}
		next := w.between(r.RangeAt(), a.end-nanosecond, w.now)
		done := len(next) > 0 && next[0].Kind == ledger.EventCommit && next[0].Outcome == ledger.OutcomeConfirmed && next[0].Offset > r.RangeAt().Offset
		if !done || next[0].Owner != a.Owner {
			continue
		}
		e := next[0]
		e.At, e.Offset = a.end-nanosecond, r.RangeAt().Offset+1
		e.Seen = e.At
		w.event(e)
		if slices.Contains(w.expect().expected.must[CheckPrematureCommit], a.Position()) { // else another range has it too
			return []ledger.Position{a.Position()}, []string{CheckPrematureCommit}, true
		}
		return nil, nil, false
	}
	return nil, nil, false
}

// plantStranger has a pod that never had the partition do again what its owner did.
func plantStranger(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.alone())
	m, alive := anyOf(w, w.alive())
	if !ok || !alive || m.owner == a.Owner || w.rangeOf(a) != nil {
		return nil, nil, false
	}
	ended := slices.ContainsFunc(w.seen, func(e ledger.Event) bool { return e.Kind == ledger.EventDown && e.Owner == a.Owner && e.At <= a.end })
	had := slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		owns := e.Kind == ledger.EventOwned || e.Kind == ledger.EventRewound || e.Kind == ledger.EventReleased
		return owns && e.Owner == m.owner && e.Topic == a.Topic && e.Partition == a.Partition
	})
	holds := w.between(a.Position(), 0, a.end)
	for len(holds) > 0 && holds[len(holds)-1].Kind != ledger.EventOwned && holds[len(holds)-1].Kind != ledger.EventRewound && holds[len(holds)-1].Kind != ledger.EventReleased {
		holds = holds[:len(holds)-1]
	}
	if ended || had || len(holds) == 0 || holds[len(holds)-1].Owner != a.Owner || holds[len(holds)-1].Kind == ledger.EventReleased {
		return nil, nil, false
	}
	b := w.again(a)
	b.Owner, b.under = m.owner, nil
	return []ledger.Position{b.Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantCalmRewind has an owner read the commit again, and what it had done, before
// anything has happened.
func plantCalmRewind(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.alone())
	if !ok || w.rangeOf(a) != nil || !w.undisturbed(a.Position(), a.At, a.end+3*nanosecond) || slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		return (e.Kind == ledger.EventInject || e.Kind == ledger.EventDown || e.Kind == ledger.EventExpelled) && e.At <= a.end
	}) {
		return nil, nil, false
	}
	p := w.part(a.Position())
	w.trace.needless = append(w.trace.needless, needlessRewind{p, a.end + nanosecond})
	w.event(ledger.Event{Kind: ledger.EventRewound, At: a.end + nanosecond, Owner: a.Owner, Topic: a.Topic, Partition: a.Partition, Offset: -1, Key: p.group})
	b := w.again(a)
	b.At, b.Start, b.end = b.At+nanosecond, b.Start+nanosecond, b.end+nanosecond
	return []ledger.Position{b.Position()}, []string{CheckUnexplainedDuplicate}, true
}
