package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// trace is what the simulation knows of a run and no observer sees. The reference decides by it
// wherever observers see less than the truth.
//
// Observers of the simulation may date a change late, but they miss none. A member that gets and
// loses a partition between two polls is not simulated.
type trace struct {
	assignments []*trueAssignment
	passes      []*pass
	commits     []trueCommit
	copies      map[ledger.Position]*attempt // the attempt that led to a copy, nil for a planted one
	ranges      map[ledger.Position]*pass    // the pass that deferred a range, by where the range lies
	outages     []outage
	downs       []time.Duration
	deliveries  []*trueDelivery
	needless    []needlessRewind
}

// trueAssignment is the time for which the group has assigned a partition to a member.
type trueAssignment struct {
	part  *simPartition
	by    *member
	from  time.Duration
	until time.Duration // never while it lasts
	// learned is when the member learns that the group expelled it at until, 0 if the
	// group did not.
	learned time.Duration
}

// pass is one reading of a partition from some offset on. It begins with an assignment or with a
// seek, and gives each record to its member once.
type pass struct {
	*trueAssignment
	at       time.Duration
	start    int64         // start is the offset that the member read from
	earliest time.Duration // earliest is when it began at the earliest, for all that observers see
	before   *pass         // before is the pass that a seek ended, nil without one
}

// trueCommit is a commit that the broker has accepted.
type trueCommit struct {
	part      *simPartition
	at        time.Duration
	offset    int64
	confirmed bool // confirmed: observers know that it was taken
}

// outage is the time for which a member is paused.
type outage struct {
	of       *member
	from, to time.Duration
}

// needlessRewind is a rewind to the commit without a reason.
type needlessRewind struct {
	part *simPartition
	at   time.Duration
}

// trueDelivery is a delivery of a record by a share group to a member.
type trueDelivery struct {
	place    ledger.Position
	to       *member
	at       time.Duration
	locks    []time.Duration // when its lock began, and was renewed
	released time.Duration   // 0: it was not
	after    *trueDelivery   // the delivery that was released before it, nil if the record came back by other means
}

// expires is when the lock of a delivery ends, as it was at a time.
func (d *trueDelivery) expires(when, lock time.Duration) time.Duration {
	last := d.at
	for _, at := range d.locks {
		if at <= when {
			last = at
		}
	}
	return last + lock
}

func newTrace() trace {
	return trace{copies: map[ledger.Position]*attempt{}, ranges: map[ledger.Position]*pass{}}
}

// deliver is the delivery of a record to a member at a time.
func (t *trace) deliver(place ledger.Position, to *member, at time.Duration, before *trueDelivery) *trueDelivery {
	d := &trueDelivery{place: place, to: to, at: at, locks: []time.Duration{at}}
	if before != nil && before.released > 0 {
		d.after = before
	}
	t.deliveries = append(t.deliveries, d)
	return d
}

// assign begins an assignment, and a pass from the commit. seenAt is the earliest moment at which
// an observer may date it.
func (w *simulation) assign(p *simPartition, to *member, seenAt time.Duration) {
	w.unassign(p, w.now)
	a := &trueAssignment{part: p, by: to, from: w.now, until: never}
	w.trace.assignments = append(w.trace.assignments, a)
	p.sought = p.cut < p.committed
	w.read(p, a, p.resume(), seenAt)
}

// read begins a pass.
func (w *simulation) read(p *simPartition, under *trueAssignment, start int64, earliest time.Duration) {
	next := &pass{trueAssignment: under, at: w.now, start: start, earliest: earliest}
	if p.pass != nil && p.pass.trueAssignment == under {
		next.before = p.pass
	}
	p.pass = next
	w.trace.passes = append(w.trace.passes, next)
}

// lowest is the lowest start of a pass that observers cannot exclude. It is any commit that was
// valid between the earliest moment of the acquisition and the first record that the member began.
// If the log was cut, it may be where it was cut.
// A commit without a known result counts if it is lower. A seek in that time, or before a first
// record, may be the start too.
func (w *simulation) lowest(s *pass) (offset int64) {
	begun := time.Duration(never)
	for _, a := range w.attempts {
		if a.under == s {
			begun = min(begun, a.At)
		}
	}
	stood, since := []int64{0}, time.Duration(0)
	for _, c := range w.seenCommits(s.part) {
		if c.Outcome != ledger.OutcomeConfirmed && c.Offset >= stood[len(stood)-1] || c.At > begun {
			continue
		}
		if c.At < s.earliest {
			stood, since = nil, c.At
		}
		stood = append(stood, c.Offset)
	}
	if offset = s.start; s.before == nil {
		offset = min(offset, slices.Min(stood))
	} else if !slices.ContainsFunc(w.attempts, func(a *attempt) bool { return a.under == s.before }) {
		offset = min(offset, w.lowest(s.before))
	}
	if s.part.place.Topic == 0 {
		offset = min(offset, w.mayResumeAt(s.part.place.Partition, since, begun))
	}
	for _, o := range w.trace.passes {
		if o.part == s.part && o.by == s.by && o.at >= s.earliest && o.at < s.at {
			offset = min(offset, o.start)
		}
	}
	return offset
}

// unassign ends the assignment of a partition if it lasts.
func (w *simulation) unassign(p *simPartition, at time.Duration) {
	if p.pass != nil && p.pass.until == never {
		p.pass.until = at
	}
}

// seenCommits are the commits of a partition that observers saw, in their order.
func (w *simulation) seenCommits(p *simPartition) (list []ledger.Event) {
	for _, e := range w.seen {
		if e.Kind == ledger.EventCommit && e.Group == p.group && w.part(e.Position()) == p {
			list = append(list, e)
		}
		if e.Kind == ledger.EventExpired && e.Group == p.group { // as a commit of 0
			e.Offset, e.Outcome = 0, ledger.OutcomeConfirmed
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b ledger.Event) int { return cmp.Compare(a.At, b.At) })
	return list
}

// assigned is the assignment of a partition that a member has at a time, nil without one.
func (t *trace) assigned(p *simPartition, to ledger.Owner, when time.Duration) *trueAssignment {
	for _, a := range t.assignments {
		if a.part == p && a.by.owner == to && a.from <= when && when < a.until {
			return a
		}
	}
	return nil
}

// lastAssigned is the latest assignment of a partition that a member got before a time,
// nil without one.
func (t *trace) lastAssigned(p *simPartition, to ledger.Owner, when time.Duration) (last *trueAssignment) {
	for _, a := range t.assignments {
		if a.part == p && a.by.owner == to && a.from <= when {
			last = a
		}
	}
	return last
}

// holder is the assignment of a partition at a time, nil without one.
func (t *trace) holder(p *simPartition, when time.Duration) *trueAssignment {
	for _, a := range t.assignments {
		if a.part == p && a.from <= when && when < a.until {
			return a
		}
	}
	return nil
}

// passAt is the pass through a partition at a time, nil without one.
func (t *trace) passAt(p *simPartition, when time.Duration) (last *pass) {
	for _, s := range t.passes {
		if s.part == p && s.at <= when {
			last = s
		}
	}
	return last
}

// deliveredTo is the latest delivery of a record to a member before a time.
func (t *trace) deliveredTo(p ledger.Position, to ledger.Owner, by time.Duration) (last *trueDelivery) {
	for _, d := range t.deliveries {
		if d.place == p && d.to.owner == to && d.at < by {
			last = d
		}
	}
	return last
}

// eventsOf are the begins and ends of attempts, each with the attempt that it is of.
func (w *simulation) eventsOf() map[attemptEvent]*attempt {
	of := map[attemptEvent]*attempt{}
	for _, a := range w.attempts {
		of[eventOf(&a.Event)] = a
	}
	return of
}

// attemptEvent tells the events of one attempt from those of all others.
type attemptEvent struct {
	owner    ledger.Owner
	place    ledger.Position
	key, seq uint32
	start    time.Duration
	call     uint32
}

func eventOf(e *ledger.Event) attemptEvent {
	return attemptEvent{e.Owner, e.Position(), e.Key, e.Seq, e.Start, e.Call}
}

// unclear reports whether observers saw the partition of a position change its owner within an
// interval that includes a time.
func (w *simulation) unclear(p ledger.Position, when time.Duration) bool {
	return slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		moves := e.Kind == ledger.EventOwned || e.Kind == ledger.EventReleased || e.Kind == ledger.EventRewound
		return moves && e.Topic == p.Topic && e.Partition == p.Partition && e.At <= when && when <= e.Seen
	})
}

// isAcquiring reports whether an attempt began within an interval in which observers saw its member
// acquire the partition. If they see the rewind, they know the moment.
func (w *simulation) isAcquiring(a *attempt) bool {
	rewound := func(of ledger.Event) (at time.Duration) {
		at = of.Seen
		for _, e := range w.seen {
			if e.Kind == ledger.EventRewound && e.Owner == a.Owner && e.Topic == a.Topic && e.Partition == a.Partition && of.At <= e.At {
				at = min(at, e.At)
			}
		}
		return at
	}
	return slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		return e.Kind == ledger.EventOwned && e.Owner == a.Owner && e.Topic == a.Topic && e.Partition == a.Partition && e.At <= a.At && a.At <= rewound(e)
	})
}

// happened reports whether something had happened by a time that makes members read the commit
// again.
func (w *simulation) happened(by time.Duration) bool {
	return slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
		return (e.Kind == ledger.EventInject || e.Kind == ledger.EventDown || e.Kind == ledger.EventExpelled) && e.At <= by
	})
}

// firstSeen is when the first acquisition of a partition was surely seen.
func (w *simulation) firstSeen(p ledger.Position) time.Duration {
	i := slices.IndexFunc(w.seen, func(e ledger.Event) bool {
		return e.Kind == ledger.EventOwned && e.Topic == p.Topic && e.Partition == p.Partition
	})
	if i < 0 {
		return never
	}
	return w.seen[i].Seen
}
