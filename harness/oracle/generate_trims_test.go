package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// trim deletes records of a partition of the source. Its owner may have them in its buffer and work
// on, or it has to go on behind them.
func (w *simulation) trim(p *simPartition) {
	if p.place.Topic > 0 || p.place.Offset <= p.begins {
		return
	}
	p.begins += 1 + w.r.Int64N(p.place.Offset-p.begins)
	w.tick()
	w.event(ledger.Event{Kind: ledger.EventTrimmed, At: w.now, Partition: p.place.Partition, Offset: p.begins})
	w.tick()
	if p.owner != nil && w.r.IntN(2) == 0 {
		if w.r.IntN(2) == 0 {
			w.fetchTo(p, p.next)
			w.tick()
			w.event(ledger.Event{Kind: ledger.EventReset, At: w.now, Owner: p.owner.owner, Partition: p.place.Partition, Offset: p.begins, To: w.r.Int64N(2)})
		}
		p.next = max(p.next, p.begins)
	}
}

// trimShared deletes records of the partition that a record of a share group lies in. The broker
// delivers none of them again. A member that has one works on.
func (w *simulation) trimShared(in *sharedRecord, records []*sharedRecord) {
	p := w.part(in.place)
	if p.place.Offset <= p.begins {
		return
	}
	p.begins += 1 + w.r.Int64N(p.place.Offset-p.begins)
	w.tick()
	w.event(ledger.Event{Kind: ledger.EventTrimmed, At: w.now, Partition: p.place.Partition, Offset: p.begins})
	w.tick()
	for _, g := range records {
		g.done = g.done || g.to == nil && w.isDeleted(g.place)
	}
}

// isDeleted reports whether the record at a position has been deleted.
func (w *simulation) isDeleted(p ledger.Position) bool { return p.Offset < w.part(p).begins }

// expire lets all members leave, deletes the group with its commits, and lets new members read from
// the start. A consumer whose effects are its output would repeat them, and does not take part.
func (w *simulation) expire() {
	if w.facts.Effect == harness.EffectOutput {
		return
	}
	for _, p := range w.parts {
		if p.owner == nil || !p.owner.alive {
			return // the session of a member lasts
		}
	}
	for _, m := range w.pods {
		if m.back > 0 {
			return // it is paused, and no member until it is back
		}
	}
	w.quiet()
	for _, p := range w.parts {
		w.drain(p)
		at, seen := w.observedInterval(p)
		w.observeChange(p, ledger.EventReleased, p.owner, at, seen)
		w.unassign(p, w.now)
		p.owner, p.busy = nil, nil
	}
	w.quiet()
	for _, m := range w.alive() {
		m.alive = false
		w.tick()
		w.trace.downs = append(w.trace.downs, w.now)
		w.event(ledger.Event{Kind: ledger.EventDown, At: w.now, Owner: m.owner})
	}
	w.tick()
	w.event(ledger.Event{Kind: ledger.EventExpired, At: w.now, Partition: -1})
	for _, p := range w.parts {
		if p.group == 0 {
			p.committed, p.cut = 0, uncut
			w.trace.commits = append(w.trace.commits, trueCommit{p, w.now, 0, true})
		}
	}
	w.tick()
	for range 1 + w.r.IntN(2) {
		w.join()
	}
	w.gen++
	for _, p := range w.parts {
		w.acquire(p, nil, pick(w.r, w.alive()...))
	}
}

// overtakenBy is the deletion that overtook the record at a position: the group had not committed
// it before. nil: there is none, or a copy takes the record over.
func (r *reference) overtakenBy(p ledger.Position) *ledger.Event {
	committed := int64(0)
	if p.Topic > 0 || len(r.copiesOf(p, never)) > 0 {
		return nil
	}
	for i := range r.events {
		e := &r.events[i]
		same := e.Topic == 0 && e.Partition == p.Partition && !e.OwnGroup()
		switch {
		case e.Kind == ledger.EventExpired && !e.OwnGroup():
			committed = 0
		case e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && same:
			committed = e.Offset
		case e.Kind == ledger.EventTrimmed && same && p.Offset < e.Offset:
			if committed > p.Offset || r.isFinal(p, e.At) {
				return nil
			}
			return e
		}
	}
	return nil
}

// isTrimmed reports whether the record at a position was deleted by a time.
func (r *reference) isTrimmed(p ledger.Position, by time.Duration) bool {
	for _, e := range r.events {
		if e.Kind == ledger.EventTrimmed && p.Topic == 0 && e.Partition == p.Partition && p.Offset < e.Offset && e.At <= by {
			return true
		}
	}
	return false
}

// jump are the offsets [from, to) of a partition that an owner passed over: they were deleted before it had
// asked for them.
type jump struct {
	at       time.Duration
	from, to int64
}

// jumpsOf lists the jumps of all owners in a partition of the source.
func (r *reference) jumpsOf(partition int32) (list []jump) {
	asked, by, start := int64(0), ledger.Owner(0), int64(0)
	for _, e := range r.events {
		if e.Topic != 0 || e.Partition != partition || e.OwnGroup() {
			continue
		}
		switch e.Kind {
		case ledger.EventFetched:
			asked, by = e.Offset, e.Owner
		case ledger.EventTrimmed:
			start = e.Offset
		case ledger.EventReset:
			if by == e.Owner {
				list = append(list, jump{e.At, asked, min(start, e.Offset)})
			}
		}
	}
	return list
}
