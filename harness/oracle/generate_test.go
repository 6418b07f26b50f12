package oracle

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// world is a small simulation of a group of correct consumers: what they do, and
// what observers see of it, becomes a history. Times are whole microseconds, so
// that a planted event finds room between any two.
type world struct {
	r        *rand.Rand
	facts    *Facts
	ids      map[ledger.Position][2]uint32
	now      time.Duration
	parts    []*part
	pods     []*member // by number of the incarnation - 1
	attempts []*attempt
	seen     []ledger.Event // all events but those of attempts
	unsent   []sending
	gen      int32
	troubles int // rebalances, crashes and seeks yet to come

	window  int           // records of a partition worked on at once
	slack   time.Duration // half the time between two looks of an observer, 0: it sees each change as it happens
	rewinds bool          // rewinds are seen themselves
	out     *part         // of the output topic, nil without one
	letters []*part       // of the dead-letter topic, which nobody reads; nil without side topics
	skipped *part         // of the topic with ranges set aside, nil without one
	retries float64       // share of attempts that fail
	batches bool          // several records of a key may be one call
	handed  bool          // it is seen what a share group hands out
	calls   uint32        // calls for several records so far
	trace   trace
}

// part is a partition: the log so far, and how far its owner has got.
type part struct {
	place     ledger.Position // Offset is the end of the log
	landed    []*landing
	committed int64
	owner     *member                  // nil: nobody, or a dead one until the session ends
	next      int64                    // from where the owner began to read
	done      map[ledger.Position]bool // finished under this owner
	busy      map[ledger.Position]*attempt
	dead      *member       // its last owner, if that died
	orphaned  time.Duration // when the session of its dead owner ends
	settled   time.Duration // when the last change of owners has been seen
	group     uint32        // 0: the run's
	pass      *pass         // the latest, nil before any
}

type landing struct {
	place    ledger.Position
	key, seq uint32
	at       time.Duration // when it was appended
	aside    []*landing    // of a range: the records that it sets aside
}

// member is an incarnation of a pod in the group.
type member struct {
	owner ledger.Owner
	id    uint64
	alive bool
	back  time.Duration // when it has learned that it was expelled; 0 if it was not
}

type attempt struct {
	ledger.Event // the start
	end          time.Duration
	outcome      ledger.Outcome
	under        *pass         // the pass that gave the record to its member, nil if none did
	via          *landing      // the range that it was worked on for, nil without one
	delivery     *trueDelivery // of a share group
}

// sending is a record to come: where it lands, or that it never does.
type sending struct {
	landing
	outcome ledger.Outcome
	lands   bool
}

// generate makes a legal run of a consumer of some design.
func generate(r *rand.Rand, of design) *world {
	w := &world{r: r, ids: map[ledger.Position][2]uint32{}, trace: newTrace(), facts: &Facts{
		Delivery: harness.AtLeastOnce, Log: NewLog(), Broken: map[string]string{},
		Order:    pick(r, harness.OrderNone, harness.OrderKey, harness.OrderKey, harness.OrderPartition),
		Protocol: pick(r, harness.Eager, harness.Cooperative, harness.Server, static),
		Session:  6 * time.Second, Heartbeat: time.Second, Commit: time.Hour, // no clock makes the commits here
	}}
	w.window = map[harness.Order]int{harness.OrderPartition: 1}[w.facts.Order]
	if w.window == 0 {
		w.window = 1 + r.IntN(5)
	}
	if r.IntN(2) == 0 {
		w.slack = time.Duration(1+r.IntN(50)) * time.Millisecond
	}
	w.rewinds, w.retries, w.troubles = r.IntN(3) == 0, r.Float64()*0.3, r.IntN(7)
	w.load()
	switch {
	case of == transactional:
		w.transact()
	case of == sharing:
	case of == batching:
		w.batches, w.facts.Order = true, harness.OrderKey
	case r.IntN(3) == 0:
		w.aside()
	case r.IntN(5) == 0:
		w.skip()
	}
	for range 1 + r.IntN(3) {
		w.join()
	}
	if of == sharing {
		w.share()
		w.settle()
		return w
	}
	w.rebalance(true)
	for steps := 0; !w.finished(); steps++ {
		if w.step(); steps > 1_000_000 {
			panic("a history without an end") // better than all memory gone
		}
	}
	w.endTogether()
	w.settle()
	return w
}

// design is what kind of consumer a run is of.
type design int

const (
	plain         design = iota // commits what it has finished
	transactional               // its output and its commits are one
	sharing                     // works in a share group
	batching                    // works on several records of a key in one call
)

// static is the classic protocol with static members: who comes back soon keeps
// what it had, without a rebalance.
const static = harness.Protocol("static")

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// load thinks out what will be sent: partitions with gaps, a few keys each.
func (w *world) load() {
	w.facts.Partitions = 1 + w.r.IntN(3)
	for p := range w.facts.Partitions {
		w.parts = append(w.parts, &part{place: ledger.Position{Partition: int32(p)}})
		keys, next := 1+w.r.IntN(4), make([]uint32, 4)
		offset, records := int64(0), w.r.IntN(14)
		if w.r.IntN(10) == 0 {
			records += 20
		}
		for range records {
			k := w.r.IntN(keys)
			s := sending{landing: landing{key: uint32(k*w.facts.Partitions + p), seq: next[k]}, outcome: ledger.OutcomeAcked, lands: true}
			next[k]++
			switch w.r.IntN(12) {
			case 0:
				s.outcome = ledger.OutcomeUnknown
			case 1:
				s.outcome, s.lands = pick(w.r, ledger.OutcomeUnknown, ledger.OutcomeFailed), false
			case 2:
				offset++ // a control batch, or compacted away
			}
			if s.place = (ledger.Position{Partition: int32(p), Offset: offset}); s.lands {
				offset++
			}
			w.unsent = append(w.unsent, s)
		}
	}
	byChance := make([]int, len(w.unsent))
	for i := range byChance {
		byChance[i] = w.r.IntN(1000)
	}
	slices.SortStableFunc(w.unsent, func(a, b sending) int { // the partitions interleave, each stays in order
		return cmp.Compare(a.place.Offset, b.place.Offset)
	})
}

// tick lets a little time pass.
func (w *world) tick() time.Duration {
	w.now += time.Duration(1+w.r.IntN(3000)) * time.Microsecond
	return w.now
}

func (w *world) event(e ledger.Event) {
	e.Seen = max(e.Seen, e.At)
	w.seen = append(w.seen, e)
}

// step does one of the things that can be done next.
func (w *world) step() {
	w.tick()
	p := pick(w.r, w.parts...)
	switch n := w.r.IntN(20); {
	case n < 5 && len(w.unsent) > 0:
		w.send()
	case n < 10:
		w.start(p)
	case n < 16:
		w.end(p)
	case n < 18:
		if w.skipped != nil && w.r.IntN(3) == 0 {
			w.setAside(p)
		}
		w.commit(p)
	case w.troubles > 0:
		w.trouble()
	default:
		w.adopt()
	}
}

func (w *world) send() {
	s := w.unsent[0]
	w.unsent = w.unsent[1:]
	e := ledger.Event{Kind: ledger.EventSent, At: w.now, Key: s.key, Seq: s.seq, Due: w.now, Sent: w.now}
	w.event(e)
	e.Kind, e.Outcome, e.At = ledger.EventAcked, s.outcome, w.now+time.Duration(1+w.r.IntN(5000))*time.Microsecond
	if s.outcome == ledger.OutcomeAcked {
		e.Partition, e.Offset = s.place.Partition, s.place.Offset
	}
	w.event(e)
	if s.lands {
		w.land(w.parts[s.place.Partition], s.place, s.key, s.seq)
	}
}

func (w *world) land(p *part, at ledger.Position, key, seq uint32) {
	p.landed = append(p.landed, &landing{place: at, key: key, seq: seq, at: w.now})
	p.place.Offset = at.Offset + 1
	w.ids[at] = [2]uint32{key, seq}
}

// ready are the records that the owner of a partition may begin, in the order that
// it claims.
func (w *world) ready(p *part) (list []*landing) {
	if p.owner == nil || len(p.busy) >= w.window {
		return nil
	}
	held := map[uint32]bool{}
	for _, b := range p.busy {
		held[b.Key] = true
	}
	waiting := 0
	for _, l := range p.landed {
		if l.place.Offset < p.next || p.done[l.place] {
			continue
		}
		if l.aside != nil {
			return p.within(l)
		}
		if waiting++; waiting > 2*w.window {
			break
		}
		free := p.busy[l.place] == nil && (w.facts.Order == harness.OrderNone || !held[l.key])
		if held[l.key] = true; free {
			list = append(list, l)
		}
		if w.facts.Order == harness.OrderPartition {
			break
		}
	}
	return list
}

func (w *world) start(p *part) {
	list := w.ready(p)
	if len(list) == 0 {
		return
	}
	l := pick(w.r, list...)
	a := w.attempt(p, l, p.owner, w.now)
	if p.busy[l.place] = a; w.batches {
		w.batch(p, a)
	}
}

// attempt is one that a member begins on a record. p is where its member reads it from, nil
// in a share group.
func (w *world) attempt(p *part, l *landing, by *member, at time.Duration) *attempt {
	a := &attempt{Event: ledger.Event{
		Kind: ledger.EventStart, At: at, Start: at, Owner: by.owner, Topic: l.place.Topic, Partition: l.place.Partition,
		Offset: l.place.Offset, Key: l.key, Seq: l.seq,
	}}
	if p != nil {
		a.under = p.pass
	}
	if p != nil && p == w.skipped {
		a.via = p.first()
	}
	w.attempts = append(w.attempts, a)
	return a
}

// end ends one attempt of a partition, and may begin the next in that instant.
func (w *world) end(p *part) {
	if p.owner == nil || len(p.busy) == 0 {
		return
	}
	outcome := ledger.OutcomeEffect
	if w.r.Float64() < w.retries {
		outcome = w.failure()
	}
	a := pick(w.r, p.open()...)
	w.finish(p, a, outcome)
	if outcome != ledger.OutcomeEffect && w.letters != nil && w.r.IntN(3) > 0 {
		w.forward(p, a)
	}
	if w.r.IntN(4) == 0 {
		w.start(p)
	}
}

// open are the attempts under way, oldest first.
func (p *part) open() (list []*attempt) {
	for _, a := range p.busy {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *attempt) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return list
}

func (w *world) finish(p *part, a *attempt, o ledger.Outcome) {
	if a.At == w.now {
		w.tick()
	}
	for _, a := range p.together(a) {
		a.end, a.outcome = w.now, o
		delete(p.busy, a.Position())
		if o == ledger.OutcomeEffect {
			p.done[a.Position()] = true
		}
	}
	if p == w.skipped && len(p.busy) == 0 {
		p.closeRange()
	}
}

// watermark is the lowest offset that the owner has not finished.
func (p *part) watermark() int64 {
	if l := p.first(); l != nil {
		return l.place.Offset
	}
	return p.place.Offset
}

// first is the first record that the owner has not finished, nil without one.
func (p *part) first() *landing {
	for _, l := range p.landed {
		if l.place.Offset >= p.next && !p.done[l.place] {
			return l
		}
	}
	return nil
}

// commit commits the watermark. The answer may get lost.
func (w *world) commit(p *part) {
	if p.owner == nil || p.watermark() < p.committed {
		return
	}
	e := ledger.Event{
		Kind: ledger.EventCommit, Outcome: ledger.OutcomeConfirmed, At: w.now, Owner: p.owner.owner, Member: p.owner.id, Generation: w.gen,
		Topic: p.place.Topic, Partition: p.place.Partition, Offset: p.watermark(), Key: p.group,
	}
	holds := true
	if w.facts.Effect == harness.EffectOutput {
		w.output(p, &e)
	} else if w.r.IntN(10) == 0 {
		e.Outcome, holds = ledger.OutcomeUnknown, w.r.IntN(2) == 0
	}
	if w.event(e); holds {
		p.committed = e.Offset
		w.trace.commits = append(w.trace.commits, trueCommit{p, e.At, e.Offset, e.Outcome == ledger.OutcomeConfirmed})
	}
}

// finished reports whether all is sent, finished and committed.
func (w *world) finished() bool {
	for _, p := range w.parts {
		if p.owner == nil || len(p.busy) > 0 || p.watermark() < p.place.Offset || p.committed < p.place.Offset {
			return false
		}
	}
	return len(w.unsent) == 0
}

// settle ends the run.
func (w *world) settle() {
	for _, a := range w.attempts {
		w.now = max(w.now, a.end)
	}
	w.facts.DrainEnd = w.tick() + time.Second
	for _, p := range w.parts {
		final := &w.facts.Final
		if p.place.Topic > 0 {
			final = &w.facts.Sides[p.place.Topic-1].Final
		}
		*final = append(*final, p.committed)
	}
	if w.r.IntN(4) > 0 { // what is planted may work on one more
		for _, a := range w.attempts {
			w.facts.Parallelism = max(w.facts.Parallelism, w.beside(a)+1)
		}
	}
	w.facts.Owners = []string{""}
	for i := range w.pods {
		w.facts.Owners = append(w.facts.Owners, string(rune('a'+i)))
	}
}

// beside is how many attempts of its incarnation are open as one begins, with it.
func (w *world) beside(a *attempt) (open int) {
	for _, o := range w.attempts {
		if o.Owner == a.Owner && o.At <= a.At && o.end > a.At {
			open++
		}
	}
	return open
}

// history is the run as the oracles get it.
func (w *world) history() *history {
	h := &history{facts: w.facts, ids: w.ids, events: slices.Clone(w.seen)}
	for _, a := range w.attempts {
		h.events = append(h.events, a.Event)
		e := a.Event
		e.Kind, e.At, e.Outcome = ledger.EventEnd, a.end, a.outcome
		h.events = append(h.events, e)
	}
	h.lies = sortedPositions(w.ids)
	w.facts.Log = NewLog()
	return h
}

// sortedPositions are side topics first, each partition in the order of its log.
func sortedPositions(ids map[ledger.Position][2]uint32) (list []ledger.Position) {
	for p := range ids {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b ledger.Position) int {
		return cmp.Or(cmp.Compare(b.Topic, a.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return list
}
