package oracle

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// simulation simulates a group of correct consumers. What the consumers do, and what observers see
// of it, becomes a history. What only the simulation knows becomes the trace. Times are whole
// microseconds, so that a planted event finds room between any two.
type simulation struct {
	r           *rand.Rand
	facts       *Facts
	ids         map[ledger.Position][2]uint32
	now         time.Duration
	parts       []*simPartition
	pods        []*member // by number of the incarnation - 1
	attempts    []*attempt
	seen        []ledger.Event // all events but those of attempts
	unsent      []sending
	gen         int32
	disruptions int // rebalances, crashes and seeks yet to come

	window           int             // records of a partition worked on at once
	slack            time.Duration   // half the time between two polls of an observer, 0: it sees each change as it happens
	rewinds          bool            // observers see rewinds
	out              *simPartition   // of the output topic, nil without one
	deadLetters      []*simPartition // of the dead-letter topic, which has no reader; nil without side topics
	deferredTopic    *simPartition   // of the topic with deferred ranges, nil without one
	retries          float64         // share of attempts that fail
	truncates        bool            // unclean elections cut off records
	batches          bool            // several records of a key may be one call
	acquisitionsSeen bool            // observers see what a share group delivers
	calls            uint32          // calls for several records so far
	trace            trace
}

// simPartition is a partition: its log so far, and how far its owner has got.
type simPartition struct {
	place     ledger.Position // Offset is the end of the log
	records   []*simRecord
	committed int64
	begins    int64                    // the first offset that was not deleted
	cut       int64                    // where the log was cut since the last commit, never if it was not
	owner     *member                  // nil without one, and while the session of a dead one lasts
	next      int64                    // where the owner began to read
	fetched   int64                    // how far the owner has asked for records
	done      map[ledger.Position]bool // completed under this owner
	busy      map[ledger.Position]*attempt
	dead      *member       // its last owner, if it died
	orphaned  time.Duration // when the session of its dead owner ends
	lastSeen  time.Duration // when observers have seen the last change of owners
	group     uint32        // 0: the run's
	pass      *pass         // the latest, nil before any
	sought    bool          // sought: the owner went back, and may commit below the last commit
}

type simRecord struct {
	place    ledger.Position
	key, seq uint32
	at       time.Duration // when it was appended
	deferred []*simRecord  // of a range: its records
}

func newSimPartition(at ledger.Position) *simPartition { return &simPartition{place: at, cut: uncut} }

// member is an incarnation of a pod in the group.
type member struct {
	owner ledger.Owner
	id    uint64
	alive bool
	back  time.Duration // when it learns that it was expelled; 0 if it was not
}

type attempt struct {
	ledger.Event // the start
	end          time.Duration
	outcome      ledger.Outcome
	under        *pass         // the pass that gave the record to its member, nil for work without one
	via          *simRecord    // the range that it was worked on for, nil without one
	delivery     *trueDelivery // of a share group
}

// sending is a record that the producer will send: where it will be appended, or that it will not.
type sending struct {
	simRecord
	outcome ledger.Outcome
	lands   bool
	again   bool // the producer has sent it before, and observers see nothing of this
}

// generate makes a legal run of a consumer of some design.
func generate(r *rand.Rand, of design) *simulation {
	w := &simulation{r: r, ids: map[ledger.Position][2]uint32{}, trace: newTrace(), facts: &Facts{
		Delivery: harness.AtLeastOnce, Log: NewLog(), Broken: map[string]string{},
		Order:    pick(r, harness.OrderNone, harness.OrderKey, harness.OrderKey, harness.OrderPartition),
		Protocol: pick(r, harness.Eager, harness.Cooperative, harness.Server, static),
		Session:  6 * time.Second, Heartbeat: time.Second, Commit: time.Hour, // commits follow no clock here
	}}
	w.window = map[harness.Order]int{harness.OrderPartition: 1}[w.facts.Order]
	if w.window == 0 {
		w.window = 1 + r.IntN(5)
	}
	if r.IntN(2) == 0 {
		w.slack = time.Duration(1+r.IntN(50)) * time.Millisecond
	}
	w.rewinds, w.retries, w.disruptions = r.IntN(3) == 0, r.Float64()*0.3, r.IntN(7)
	w.load()
	switch {
	case of == transactional:
		w.addOutputTopic()
	case of == sharing, of == truncating:
		w.truncates = of == truncating
	case of == batching:
		w.batches, w.facts.Order = true, harness.OrderKey
	case r.IntN(3) == 0:
		w.addSideTopics()
	case r.IntN(5) == 0:
		w.addDeferredTopic()
	}
	for range 1 + r.IntN(3) {
		w.join()
	}
	if of == sharing {
		w.runShareGroup()
		w.endRun()
		return w
	}
	w.rebalance(true)
	for steps := 0; !w.finished(); steps++ {
		if w.step(); steps > 1_000_000 {
			panic("a history without an end") // otherwise it would take all memory
		}
	}
	w.endTogether()
	w.endRun()
	return w
}

// design is the kind of consumer that a run is of.
type design int

const (
	plain         design = iota // commits what it has completed
	transactional               // its output and its commits are one
	sharing                     // works in a share group
	batching                    // works on several records of a key in one call
	truncating                  // plain, and unclean elections cut off records
)

// static is the classic protocol with static members. A member that comes back soon keeps its
// partitions without a rebalance.
const static = harness.Protocol("static")

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// load decides what the producer will send: partitions with gaps, and a few keys each.
func (w *simulation) load() {
	w.facts.Partitions = 1 + w.r.IntN(3)
	seqs, added := make([][]uint32, w.facts.Partitions), w.facts.Partitions > 1 && w.r.IntN(6) == 0
	if added {
		w.facts.Added = 1
		w.event(ledger.Event{Kind: ledger.EventAdded, At: w.now, Partition: int32(w.facts.Partitions - 1)})
	}
	repeats := w.r.IntN(5) == 0
	if repeats {
		w.facts.Producer = harness.ProducerSettings{NotIdempotent: true, InFlight: 1}
	}
	for p := range w.facts.Partitions {
		w.parts = append(w.parts, newSimPartition(ledger.Position{Partition: int32(p)}))
		keys, next, home := 1+w.r.IntN(4), make([]uint32, 4), p
		seqs[p] = next
		if added && p == w.facts.Partitions-1 { // the keys of the first partition have moved here
			next, home = seqs[0], 0
		}
		offset, records, first := int64(0), w.r.IntN(14), len(w.unsent)
		if w.r.IntN(10) == 0 {
			records += 20
		}
		for range records {
			k := w.r.IntN(keys)
			s := sending{simRecord: simRecord{key: uint32(k*w.facts.Partitions + home), seq: next[k]}, outcome: ledger.OutcomeAcked, lands: true}
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
			if earlier := w.unsent[first:]; repeats && w.r.IntN(5) == 0 {
				if s := pick(w.r, earlier...); s.lands {
					s.place, s.again = ledger.Position{Partition: int32(p), Offset: offset}, true
					w.unsent = append(w.unsent, s)
					offset++
				}
			}
		}
	}
	slices.SortStableFunc(w.unsent, func(a, b sending) int { // the partitions interleave, each stays in order
		return cmp.Compare(a.place.Offset, b.place.Offset)
	})
}

// tick lets a little time pass.
func (w *simulation) tick() time.Duration {
	w.now += time.Duration(1+w.r.IntN(3000)) * time.Microsecond
	return w.now
}

func (w *simulation) event(e ledger.Event) {
	e.Seen = max(e.Seen, e.At)
	w.seen = append(w.seen, e)
}

// step does one of the things that can be done next.
func (w *simulation) step() {
	if w.tick(); w.r.IntN(60) == 0 {
		w.now += excessLasts + time.Duration(w.r.IntN(1000))*time.Millisecond // nothing happens for a while
	}
	p := pick(w.r, w.parts...)
	switch n := w.r.IntN(20); {
	case n < 5 && len(w.unsent) > 0:
		w.send()
	case n < 10:
		w.fetch(p)
		w.start(p)
	case n < 16:
		w.end(p)
	case n < 18:
		if w.deferredTopic != nil && w.r.IntN(3) == 0 {
			w.deferRecords(p)
		}
		w.commit(p)
	case w.disruptions > 0:
		w.disrupt()
	default:
		w.adopt()
	}
}

func (w *simulation) send() {
	s := w.unsent[0]
	w.unsent = w.unsent[1:]
	if s.again {
		w.appendRecord(w.parts[s.place.Partition], s.place, s.key, s.seq)
		return
	}
	e := ledger.Event{Kind: ledger.EventSent, At: w.now, Key: s.key, Seq: s.seq, Due: w.now, Sent: w.now}
	w.event(e)
	e.Kind, e.Outcome, e.At = ledger.EventAcked, s.outcome, w.now+time.Duration(1+w.r.IntN(5000))*time.Microsecond
	if s.outcome == ledger.OutcomeAcked {
		e.Partition, e.Offset = s.place.Partition, s.place.Offset
	}
	w.event(e)
	if s.lands {
		w.appendRecord(w.parts[s.place.Partition], s.place, s.key, s.seq)
	}
}

func (w *simulation) appendRecord(p *simPartition, at ledger.Position, key, seq uint32) {
	p.records = append(p.records, &simRecord{place: at, key: key, seq: seq, at: w.now})
	p.place.Offset = at.Offset + 1
	w.ids[at] = [2]uint32{key, seq}
}

// endRun ends the run.
func (w *simulation) endRun() {
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
	w.declareBuffering()
	if w.r.IntN(4) > 0 { // a plant may add one attempt
		for _, a := range w.attempts {
			w.facts.Parallelism = max(w.facts.Parallelism, w.openAt(a)+1)
		}
	}
	w.facts.Owners = []string{""}
	for i := range w.pods {
		w.facts.Owners = append(w.facts.Owners, string(rune('a'+i)))
	}
}

// history is the run as the oracles get it.
func (w *simulation) history() *history {
	h := &history{facts: w.facts, ids: w.ids, events: slices.Clone(w.seen)}
	for _, a := range w.attempts {
		h.events = append(h.events, a.Event)
		e := a.Event
		e.Kind, e.At, e.Outcome = ledger.EventEnd, a.end, a.outcome
		h.events = append(h.events, e)
	}
	h.lies = sortedPositions(w.ids)
	w.facts.Log = w.facts.newLog()
	return h
}

// newLog is an empty log of a run.
func (f *Facts) newLog() *Log {
	l := NewLog()
	if f.Added > 0 {
		l.MoveKeys()
	}
	return l
}

// sortedPositions lists the positions of the side topics first, and each partition in the order of
// its log.
func sortedPositions(ids map[ledger.Position][2]uint32) (list []ledger.Position) {
	for p := range ids {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b ledger.Position) int {
		return cmp.Or(cmp.Compare(b.Topic, a.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return list
}
