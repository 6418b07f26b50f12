package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// expected is what the reference expects of each check: a position for each anomaly. A check must
// find all of must, and nothing that is not in may.
type expected struct{ must, may map[string][]ledger.Position }

// heldWithoutClaims are the checks that can fail a consumer which claims nothing.
var heldWithoutClaims = []string{
	CheckStall, CheckLostByBroker, CheckLogDuplicate, CheckLogOrder, CheckPhantom, CheckCorruption,
	CheckConflictingOutcomes, CheckPrematureDeadLetter, CheckDeliveryCount, CheckAckAfterLockExpiry,
	CheckExcessParallelism, CheckExcessBuffering, CheckStarvation, CheckBlastRadius, CheckLivelock,
}

// reference judges a simulated run by simple definitions, with sets and loops over all events. It
// shares nothing with the checks. It decides by the [trace] what depends on the owner of a
// partition, and what was read or delivered again: see the files truth_*_test.go. For all other
// checks the history is the truth.
//
// How a check relates to the reference, per history:
//   - Loss, stall, overload, lost by broker, log duplicate, log order, premature commit, commit
//     regression, premature dead letter, transaction atomicity, phantom, corruption, excess
//     parallelism, excess buffering and blast radius are found exactly, with the same count.
//   - Delivery count and ack after lock expiry are found exactly too, except that without
//     acknowledgements a count after a release may be missed.
//   - Overlap, key and partition inversion, retry overtaking, redelivery out of order and starvation
//     are found exactly, unless the run is blurred: see [reference.isBlurred]. Reversals are
//     key inversions too, and those may be missed.
//   - Unexplained duplicate, conflicting outcomes, unexplained loss, stalled commit, zombie, unfenced work
//     and commit after revoke never name a record without a violation. They miss one only
//     if observers see too little of it, as the judge function of each says.
//   - Livelock and repeat rate are found exactly, by the events as observers see them.
//   - Redelivery names all repeated effects but the unexplained ones.
type reference struct {
	w         *simulation
	h         *history
	facts     *Facts
	blind     bool // blind: no acknowledgement of a share group is seen
	events    []ledger.Event
	attempts  map[attemptEvent]*attempt
	effects   []ledger.Event                      // of records that lie where they say, in the order of their ends
	firsts    []ledger.Event                      // of those, the first of each record
	copies    []ledger.Event                      // in topics that take over, of records that lie there, in the order of their appends
	ranges    []ledger.Event                      // deferred ones
	zombies   map[*attempt]bool                   // zombies, and whether observers see enough to be sure
	origin    map[[2]uint32]ledger.Position       // the first place of a record in the source
	positions map[[2]uint32][]ledger.Position     // its places there, in the order of the log
	sources   map[ledger.Position]ledger.Position // the position in the source that the effects at a copy are of
	copied    map[[2]uint32]bool
	expected  expected
	longest   time.Duration // that a key waited
}

// expect judges a run.
func (w *simulation) expect() *reference {
	r := newReference(w, w.history())
	r.judge()
	return r
}

func newReference(w *simulation, h *history) *reference {
	return &reference{
		w: w, h: h, facts: h.facts, events: slices.Clone(h.sorted()), attempts: w.eventsOf(), zombies: map[*attempt]bool{},
		origin: map[[2]uint32]ledger.Position{}, copied: map[[2]uint32]bool{},
		positions: map[[2]uint32][]ledger.Position{}, sources: map[ledger.Position]ledger.Position{},
		expected: expected{map[string][]ledger.Position{}, map[string][]ledger.Position{}},
	}
}

func (r *reference) judge() {
	r.markOutputs()
	r.sortEvents()
	r.judgeLog()
	r.judgeTransactions()
	r.judgeIncomplete()
	r.judgeLosses()
	r.judgeCommits()
	r.judgeStalledCommits()
	r.judgeDeadLetters()
	r.judgeOwnership()
	r.judgeOrder()
	r.judgeReversals()
	r.judgeParallelism()
	r.judgeBuffering()
	r.judgeBlastRadius()
	r.judgeRedeliveries()
	r.judgeDeliveries()
	r.judgeCommitOrder()
	r.judgeLivelock()
	r.judgeRepeatRate()
}

// add expects an anomaly that observers see in full.
func (r *reference) add(check string, at ledger.Position) { r.perhaps(check, at, true) }

// perhaps expects an anomaly. Unless it is sure, observers see too little of it, and the check may
// give the benefit of the doubt.
func (r *reference) perhaps(check string, at ledger.Position, sure bool) {
	r.expected.may[check] = append(r.expected.may[check], at)
	if sure {
		r.expected.must[check] = append(r.expected.must[check], at)
	}
}

// holds reports whether the record of an event lies at its position and came from the source.
func (r *reference) holds(e *ledger.Event) bool {
	id, appended := r.h.ids[e.Position()]
	_, known := r.origin[id]
	return appended && id == [2]uint32{e.Key, e.Seq} && known
}

// markOutputs makes the outputs effects, and the work mere computation, if the effects of a
// consumer are its outputs.
func (r *reference) markOutputs() {
	for i := range r.events {
		switch e := &r.events[i]; {
		case r.facts.Effect != harness.EffectOutput:
		case isEffect(e):
			e.SetComputed()
		case e.Kind == ledger.EventCopied && r.facts.isOutput(e):
			e.SetEffect()
		}
	}
}

func (r *reference) sortEvents() {
	for _, at := range sortedPositions(r.h.ids) {
		id := r.h.ids[at]
		if _, ok := r.origin[id]; at.Topic == 0 && !ok {
			r.origin[id] = at
		}
		if at.Topic == 0 {
			r.positions[id] = append(r.positions[id], at)
		}
	}
	seen := map[ledger.Position]bool{}
	for _, e := range r.events {
		role := r.facts.roleOf(e.Topic)
		if e.Flags&ledger.FlagCorrupt != 0 && (e.Kind == ledger.EventStart || e.Kind == ledger.EventCopied || e.Kind == ledger.EventDeferred || isEffect(&e) && r.facts.isOutput(&e)) {
			r.add(CheckCorruption, e.Position())
		}
		switch {
		case e.Kind == ledger.EventAcked && e.Outcome == ledger.OutcomeAcked && !r.holds(&e):
			if !r.isTruncated(&e, 0) {
				r.add(CheckLostByBroker, e.Position())
			}
		case e.Kind == ledger.EventDeferred && e.Flags&ledger.FlagCorrupt == 0:
			r.ranges = append(r.ranges, e)
		case !isEffect(&e) && e.Kind != ledger.EventCopied:
		case !r.holds(&e):
			if e.Flags&ledger.FlagCorrupt == 0 && (!r.isTruncated(&e, r.facts.Session) || e.Key == unknownIdentity) {
				r.add(CheckPhantom, e.Position())
			}
		case isEffect(&e):
			r.effects = append(r.effects, e)
			if r.facts.isOutput(&e) {
				r.copied[[2]uint32{e.Key, e.Seq}] = true
			}
			r.locate(e.Position(), seen)
			if at := r.source(e.Position()); !seen[at] {
				seen[at] = true
				r.firsts = append(r.firsts, e)
			}
		case role.TakesOver():
			r.copies = append(r.copies, e)
			r.copied[[2]uint32{e.Key, e.Seq}] = true
		}
	}
}

// record is the position in the source that stands for the record at a position. All copies of a
// record stand for one.
func (r *reference) record(p ledger.Position) ledger.Position {
	id := r.h.ids[p]
	if at, ok := r.origin[id]; ok && (p.Topic > 0 || r.copied[id]) {
		return at
	}
	return p
}

// locate decides which position of the source the effects at a place are of. The first effect at a copy is of the
// first position of its record that is not done yet.
func (r *reference) locate(p ledger.Position, done map[ledger.Position]bool) {
	if _, ok := r.sources[p]; ok || p.Topic == 0 {
		return
	}
	of := r.positions[r.h.ids[p]]
	r.sources[p] = of[0]
	if i := slices.IndexFunc(of, func(at ledger.Position) bool { return !done[at] }); i >= 0 {
		r.sources[p] = of[i]
	}
}

// source is the position in the source that what happens at a place is of.
func (r *reference) source(p ledger.Position) ledger.Position {
	if at, ok := r.sources[p]; ok {
		return at
	}
	if p.Topic > 0 {
		return r.origin[r.h.ids[p]]
	}
	return p
}

// placedKey is what has an order: a key or, if partitions were added, a key in one partition of the source.
type placedKey struct {
	key       uint32
	partition int32
}

// placedKeyOf is that of a record of a key at a place.
func (r *reference) placedKeyOf(key uint32, p ledger.Position) placedKey {
	if r.facts.Added == 0 {
		return placedKey{key: key}
	}
	return placedKey{key, r.source(p).Partition}
}

// judgeLog: a record of a key lies in the source once, and after all earlier ones of the key.
func (r *reference) judgeLog() {
	seen, highest := map[[2]uint32]bool{}, map[placedKey]uint32{}
	for _, p := range sortedPositions(r.h.ids) {
		id := r.h.ids[p]
		switch {
		case p.Topic > 0:
			continue
		case seen[id]:
			r.add(CheckLogDuplicate, p)
		case id[1] < highest[r.placedKeyOf(id[0], p)]:
			r.add(CheckLogOrder, p)
		}
		seen[id], highest[r.placedKeyOf(id[0], p)] = true, max(highest[r.placedKeyOf(id[0], p)], id[1])
	}
}
