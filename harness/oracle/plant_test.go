package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// planted is a violation in a run that was legal: where it is, and which checks
// must fail for it and no others.
type planted struct {
	kind  string
	at    []ledger.Position // every check that fails names one of them
	fails []string
	free  bool
}

// plan is a kind of violation. plant changes a legal run; ok is false where it
// finds no place for it; then the run is of no more use.
type plan struct {
	kind  string
	of    design
	free  bool // free: the trace alone says which checks must fail
	plant func(*world) (at []ledger.Position, fails []string, ok bool)
}

// plans are all kinds, at least one for every check.
func plans() []plan {
	return []plan{
		{"loss", plain, false, plantLoss}, {"loss in calm", plain, false, plantCalmLoss}, {"loss in trouble", plain, false, plantTroubledLoss},
		{"loss in calm in a share group", sharing, false, plantCalmLoss},
		{"stall", plain, false, plantStall}, {"overload", plain, false, plantOverload},
		{"acknowledged and gone", plain, false, plantGone}, {"loss pending", plain, false, plantPending},
		{"commit past the end", plain, false, plantPastEnd}, {"commit behind", plain, false, plantBehind},
		{"unexplained duplicate", plain, false, plantDuplicate}, {"duplicate under exactly-once", plain, false, plantExplained},
		{"phantom", plain, false, plantPhantom}, {"inversion", plain, false, plantInversion}, {"redelivery in reverse", plain, false, plantReverse},
		{"order by partition", plain, false, plantPartitionOrder}, {"retry overtaking", plain, false, plantOvertaking}, {"overlap", plain, false, plantOverlap},
		{"parallelism", plain, false, plantParallelism}, {"starvation", plain, false, plantStarvation}, {"blast radius", plain, false, plantBlast},
		{"commit regression", plain, false, plantRegression}, {"commit after revoke", plain, false, plantLateCommit}, {"zombie", plain, false, plantZombie},
		{"log duplicate", plain, false, plantLogDuplicate}, {"log order", plain, false, plantLogOrder}, {"corruption", plain, false, plantCorruption},
		{"duplicate by a stranger", plain, false, plantStranger}, {"rewind in calm", plain, false, plantCalmRewind},
		{"twice in a range", plain, false, plantRangeTwice}, {"range behind its commit", plain, false, plantLateRange},
		{"range done too early", plain, false, plantEarlyRange},
		{"dead letter that never came", plain, false, plantNoLetter}, {"effect of a dead letter", plain, false, plantLetterEffect},
		{"dead letter of an effect", plain, false, plantEffectLetter}, {"phantom copy", plain, false, plantPhantomCopy},
		{"dead letter without a failure", plain, false, plantUnfoundedLetter},
		{"dead letter before its time", plain, false, plantHastyLetter},
		{"output outside the transaction", transactional, false, plantOutputOutside}, {"commit outside the transaction", transactional, false, plantCommitOutside},
		{"output without its commit", transactional, false, plantTorn}, {"output twice", transactional, false, plantOutputTwice},
		{"commit without its output", transactional, false, plantNoOutput},
		{"loss in a share group", sharing, false, plantLoss}, {"twice under one delivery", sharing, false, plantTwiceDelivered},
		{"release of finished work", sharing, false, plantReleaseDone}, {"effect beside a share group", sharing, false, plantBesideShare},
		{"delivery beyond the limit", sharing, false, plantTooMany}, {"delivery not counted", sharing, false, plantUncounted},
		{"accept after the lock", sharing, false, plantLateAccept},
		{"anything", plain, true, plantAnything}, {"anything in a share group", sharing, true, plantAnything},
		{"anything with transactions", transactional, true, plantAnything}, {"anything with batches", batching, true, plantAnything},
		{"redelivery below the commit", plain, true, plantBelowCommit}, {"zombie after its expulsion", plain, true, plantExpelledZombie},
		{"call out of order", batching, false, plantBatchOrder}, {"two calls at once", batching, false, plantBatchOverlap},
	}
}

func kinds() (names []string) {
	for _, p := range plans() {
		names = append(names, p.kind)
	}
	return names
}

const nanosecond = time.Nanosecond

// effects are the attempts that ended well, in the order of their ends.
func (w *world) effects() (list []*attempt) {
	for _, a := range w.attempts {
		if a.outcome == ledger.OutcomeEffect {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *attempt) int { return int(a.end - b.end) })
	return list
}

// on are the attempts on one position.
func (w *world) on(p ledger.Position) (list []*attempt) {
	for _, a := range w.attempts {
		if a.Position() == p {
			list = append(list, a)
		}
	}
	return list
}

// between are the events of a partition, but for attempts, in a time.
func (w *world) between(p ledger.Position, from, to time.Duration) (list []ledger.Event) {
	for _, e := range w.seen {
		if e.Topic == p.Topic && e.Partition == p.Partition && e.Kind != ledger.EventSent && e.Kind != ledger.EventAcked && e.Seen >= from && e.At <= to {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b ledger.Event) int { return int(a.At - b.At) })
	return list
}

// undisturbed reports whether nobody came, went or committed in a time.
func (w *world) undisturbed(p ledger.Position, from, to time.Duration) bool {
	return len(w.between(p, from, to)) == 0
}

func anyOf[T any](w *world, list []T) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return pick(w.r, list...), true
}

func plantLoss(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok {
		return nil, nil, false
	}
	for _, again := range w.attempts {
		if again.outcome == ledger.OutcomeEffect && again.Key == a.Key && again.Seq == a.Seq {
			again.outcome = ledger.OutcomeError
		}
	}
	return w.lost(a.Key, a.Seq)
}

// plantCalmLoss claims at-most-once and cuts off all work on a record where nothing goes
// wrong.
func plantCalmLoss(w *world) (at []ledger.Position, fails []string, ok bool) {
	a := w.cutOff()
	if a == nil {
		return nil, nil, false
	}
	for _, o := range w.attempts {
		if failed(o.outcome) && o.Key == a.Key && o.Seq == a.Seq {
			o.outcome = ledger.OutcomeCancelled
		}
	}
	must := w.expect().expected.must
	lost := must[CheckUnexplainedLoss]
	return lost, []string{CheckUnexplainedLoss}, len(lost) == 1 && len(must[CheckRedelivery]) == 0
}

// plantTroubledLoss does so where somebody came or went since, or where the work had failed
// before: then nobody is to blame.
func plantTroubledLoss(w *world) (at []ledger.Position, fails []string, ok bool) {
	if w.cutOff() == nil {
		return nil, nil, false
	}
	may := w.expect().expected.may
	return nil, nil, len(may[CheckLoss]) > 0 && len(may[CheckUnexplainedLoss])+len(may[CheckRedelivery]) == 0
}

// cutOff claims at-most-once, and cuts off what was an effect of some record.
func (w *world) cutOff() *attempt {
	a, ok := anyOf(w, w.effects())
	if !ok {
		return nil
	}
	w.facts.Delivery = harness.AtMostOnce
	for _, o := range w.attempts {
		if o.outcome == ledger.OutcomeEffect && o.Key == a.Key && o.Seq == a.Seq {
			o.outcome = ledger.OutcomeCancelled
		}
	}
	return a
}

// lost is the evidence of a record that was not finished: the commit that covers it
// was ahead of the work too, if it was seen.
func (w *world) lost(key, seq uint32) (at []ledger.Position, fails []string, ok bool) {
	for p, id := range w.ids {
		if id == [2]uint32{key, seq} {
			if at = append(at, p); w.facts.roleOf(p.Topic) == harness.RoleDeadLetter {
				return nil, nil, false
			}
		}
	}
	fails = []string{CheckLoss}
	if len(w.expect().expected.must[CheckPrematureCommit]) > 0 {
		fails = append(fails, CheckPrematureCommit)
	}
	return at, fails, true
}

func plantStall(w *world) (at []ledger.Position, fails []string, ok bool) {
	at, last, ok := w.stop()
	w.facts.DrainEnd = last + w.facts.stallAfter() + nanosecond
	return at, []string{CheckStall}, ok
}

func plantOverload(w *world) (at []ledger.Position, fails []string, ok bool) {
	at, last, ok := w.stop()
	w.facts.DrainEnd = last + w.facts.stallAfter()
	return at, nil, ok
}

// stop leaves a partition undone from some record on. last is when the last effect
// of the run ended.
func (w *world) stop() (stopped []ledger.Position, last time.Duration, ok bool) {
	l, ok := anyOf(w, w.allLanded())
	if !ok || len(w.facts.Sides) > 0 {
		return nil, 0, false
	}
	at := l.place
	w.attempts = slices.DeleteFunc(w.attempts, func(a *attempt) bool {
		return a.Topic == at.Topic && a.Partition == at.Partition && a.Offset >= at.Offset
	})
	for i := range w.seen {
		if e := &w.seen[i]; e.Kind == ledger.EventCommit && e.Topic == at.Topic && e.Partition == at.Partition {
			e.Offset = min(e.Offset, at.Offset)
		}
	}
	w.facts.Final[at.Partition] = at.Offset
	done := map[ledger.Position]bool{}
	for _, a := range w.effects() {
		if !done[a.Position()] {
			last = a.end
		}
		done[a.Position()] = true
	}
	return []ledger.Position{at}, last, true
}

// allLanded are the records of the source.
func (w *world) allLanded() (list []*landing) {
	for _, p := range w.parts[:w.facts.Partitions] {
		list = append(list, p.landed...)
	}
	return list
}

// plantGone acknowledges a record where none lies, or another.
func plantGone(w *world) (at []ledger.Position, fails []string, ok bool) {
	l, ok := anyOf(w, w.allLanded())
	if !ok {
		return nil, nil, false
	}
	p := l.place
	if w.r.IntN(2) == 0 {
		p.Offset = w.part(p).place.Offset + w.r.Int64N(3)
	}
	w.event(ledger.Event{Kind: ledger.EventAcked, Outcome: ledger.OutcomeAcked, At: w.now, Partition: p.Partition, Offset: p.Offset, Key: l.key, Seq: 1000})
	return []ledger.Position{p}, []string{CheckLostByBroker}, true
}

// plantPending commits a record in the instant before its work is finished.
func plantPending(w *world) (at []ledger.Position, fails []string, ok bool) {
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
		// With a copy elsewhere it is safe here.
		lowest := !before[id] && copies[id] == min(1, int(a.Topic)) && !finished[a.Position()] && !slices.ContainsFunc(p.landed, func(l *landing) bool {
			return l.place.Offset < a.Offset && !finished[l.place]
		})
		next := w.between(a.Position(), a.end-nanosecond, w.now)
		held := len(next) > 0 && next[0].Kind == ledger.EventCommit && next[0].Outcome == ledger.OutcomeConfirmed && next[0].Offset > a.Offset
		if lowest && held && next[0].Owner == a.Owner && w.rangeOf(a) == nil {
			fit = append(fit, a)
		}
		finished[a.Position()], before[id] = true, true
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	w.event(ledger.Event{
		Kind: ledger.EventCommit, Outcome: ledger.OutcomeConfirmed, At: a.end - nanosecond, Owner: a.Owner, Key: w.part(a.Position()).group,
		Topic: a.Topic, Partition: a.Partition, Offset: a.Offset + 1,
	})
	return []ledger.Position{a.Position()}, []string{CheckPrematureCommit}, true
}

// plantPastEnd commits past the end of the log when all is done.
func plantPastEnd(w *world) (at []ledger.Position, fails []string, ok bool) {
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

// again adds an attempt right behind another.
func (w *world) again(a *attempt) *attempt {
	b := *a
	b.At, b.Start, b.end = a.end+nanosecond, a.end+nanosecond, a.end+2*nanosecond
	w.attempts = append(w.attempts, &b)
	return &b
}

// alone are the effects after which nobody works on the key, comes, goes or
// commits for an instant.
func (w *world) alone() (list []*attempt) {
	for _, a := range w.effects() {
		busy := slices.ContainsFunc(w.attempts, func(o *attempt) bool {
			return w.inOrder(o) == w.inOrder(a) && o.At <= a.end+2*nanosecond && o.end > a.end
		})
		if !busy && w.undisturbed(a.Position(), a.At, a.end+2*nanosecond) {
			list = append(list, a)
		}
	}
	return list
}

func plantDuplicate(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.alone())
	if !ok || w.rangeOf(a) != nil && !w.rangeIsWhole(a.Position()) {
		return nil, nil, false
	}
	return []ledger.Position{w.again(a).Position()}, []string{CheckUnexplainedDuplicate}, true
}

// plantExplained claims exactly-once for a run with a redelivery.
func plantExplained(w *world) (at []ledger.Position, fails []string, ok bool) {
	again := w.expect().expected.must[CheckRedelivery]
	w.facts.Delivery = harness.ExactlyOnce
	return again, []string{CheckRedelivery}, len(again) > 0
}

func plantPhantom(w *world) (at []ledger.Position, fails []string, ok bool) {
	a, ok := anyOf(w, w.effects())
	if !ok {
		return nil, nil, false
	}
	b := w.again(a)
	switch w.r.IntN(3) {
	case 0:
		b.Offset = w.part(a.Position()).place.Offset + w.r.Int64N(5)
	case 1:
		b.Key += 1000
	case 2:
		b.Seq += 1000
	}
	return []ledger.Position{b.Position()}, []string{CheckPhantom}, true
}

// single are the effects that are the only attempt on their record.
func (w *world) single() (list []*attempt) {
	for _, a := range w.effects() {
		if len(w.on(a.Position())) == 1 {
			list = append(list, a)
		}
	}
	return list
}

// retried are the effects whose record had one attempt before, which failed while
// nobody came or went.
func (w *world) retried() (list []*attempt) {
	for _, a := range w.effects() {
		on := w.on(a.Position())
		if len(on) == 2 && on[0].outcome == ledger.OutcomeError && on[1] == a && on[0].Owner == a.Owner {
			list = append(list, a)
		}
	}
	return list
}

// swap exchanges the records of two attempts, of which b is the next after a in
// its partition or, of one key, in its key, where no commit lies between.
// With failed, an attempt on the earlier record failed before.
func (w *world) swap(sameKey, adjacent, failed bool) (at []ledger.Position, ok bool) {
	type pair struct{ a, b *attempt }
	var fit []pair
	firsts := w.single()
	if failed {
		firsts = w.retried()
	}
	for _, a := range firsts {
		for _, b := range w.single() {
			if a.Partition != b.Partition || a.Offset >= b.Offset || a.end >= b.end || (a.Key == b.Key) != sameKey {
				continue
			}
			between := slices.ContainsFunc(w.part(a.Position()).landed, func(l *landing) bool {
				return l.place.Offset > a.Offset && l.place.Offset < b.Offset && (adjacent || l.key == a.Key)
			})
			commits := slices.ContainsFunc(w.between(a.Position(), a.end, b.end), func(e ledger.Event) bool { return e.Kind == ledger.EventCommit })
			if !between && !commits {
				fit = append(fit, pair{a, b})
			}
		}
	}
	p, ok := anyOf(w, fit)
	if !ok {
		return nil, false
	}
	at = []ledger.Position{p.a.Position()}
	a, b := &p.a.Event, &p.b.Event
	a.Offset, b.Offset = b.Offset, a.Offset
	a.Key, b.Key = b.Key, a.Key
	a.Seq, b.Seq = b.Seq, a.Seq
	return at, true
}

func plantInversion(w *world) (at []ledger.Position, fails []string, ok bool) {
	switch w.facts.Order {
	case harness.OrderKey:
		at, ok = w.swap(true, false, false)
		fails = []string{CheckKeyInversion}
	case harness.OrderPartition:
		at, ok = w.swap(true, true, false)
		fails = []string{CheckKeyInversion, CheckPartitionInversion}
	}
	return at, fails, ok
}

// plantReverse has two records of a key that a rewind brings again done in reverse.
func plantReverse(w *world) (at []ledger.Position, fails []string, ok bool) {
	type pair struct{ a, b *attempt }
	var fit []pair
	again := func(a *attempt) bool {
		return slices.ContainsFunc(w.effects(), func(o *attempt) bool { return o.Position() == a.Position() && o.end < a.At })
	}
	effects := w.effects()
	for i, a := range effects {
		next := slices.IndexFunc(effects[i+1:], func(b *attempt) bool { return b.Key == a.Key })
		if next < 0 || w.facts.Order == harness.OrderNone || a.Topic != 0 {
			continue
		}
		b := effects[i+1+next]
		if b.Topic == 0 && b.Owner == a.Owner && b.Offset > a.Offset && again(a) && again(b) && w.undisturbed(a.Position(), a.At, b.end) {
			fit = append(fit, pair{a, b})
		}
	}
	p, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	at = []ledger.Position{p.a.Position()}
	p.a.Offset, p.b.Offset = p.b.Offset, p.a.Offset
	p.a.Seq, p.b.Seq = p.b.Seq, p.a.Seq
	must := w.expect().expected.must
	return at, []string{CheckKeyInversion}, len(must[CheckKeyInversion]) == 1 && len(must[CheckRetryOvertaking]) == 0
}

func plantOvertaking(w *world) (at []ledger.Position, fails []string, ok bool) {
	switch w.facts.Order {
	case harness.OrderKey:
		at, ok = w.swap(true, false, true)
		fails = []string{CheckRetryOvertaking}
	case harness.OrderPartition:
		at, ok = w.swap(true, true, true)
		fails = []string{CheckRetryOvertaking, CheckPartitionInversion}
	}
	return at, fails, ok
}

func plantPartitionOrder(w *world) (at []ledger.Position, fails []string, ok bool) {
	if w.facts.Order == harness.OrderPartition {
		at, ok = w.swap(false, true, false)
	}
	return at, []string{CheckPartitionInversion}, ok
}

// inOrder is what the records of which only one may be in work at once have in common.
func (w *world) inOrder(a *attempt) uint32 {
	if w.facts.Order == harness.OrderPartition {
		return uint32(a.Partition)
	}
	return a.Key
}

// plantOverlap begins an attempt before the one before it on its key, or in its
// partition, has ended.
func plantOverlap(w *world) (at []ledger.Position, fails []string, ok bool) {
	if w.facts.Order == harness.OrderNone {
		return nil, nil, false
	}
	var fit []*attempt
	last := map[uint32]*attempt{}
	before := map[*attempt]*attempt{}
	for _, a := range w.attempts { // in the order of their starts
		if b := last[w.inOrder(a)]; b != nil && b.Owner == a.Owner && w.undisturbed(a.Position(), b.At, a.At) {
			before[a] = b
			fit = append(fit, a)
		}
		last[w.inOrder(a)] = a
	}
	a, ok := anyOf(w, fit)
	if !ok {
		return nil, nil, false
	}
	a.At = before[a].end - nanosecond
	a.Start = a.At
	return []ledger.Position{a.Position()}, []string{CheckOverlap}, true
}
