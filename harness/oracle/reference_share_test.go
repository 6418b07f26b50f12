package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// delivered is what one member has of a record of a share group.
type delivered struct {
	owner    ledger.Owner
	count    uint8
	starts   []time.Duration
	locked   time.Duration
	faults   int           // begins and ends of faults upon the owner, or upon no pod in particular, by then
	released time.Duration // 0: not
	effects  int
	at       []time.Duration // of the effects
}

// deliveries are those of a position: the attempts of an owner, until its Count is
// higher, it released the record, or its lock had expired when it began again; or, where
// answers are not observed, a fault had come between, or was upon it, or upon no pod in
// particular.
func (r *slow) deliveries(p ledger.Position) (list []*delivered) {
	of := func(o ledger.Owner, start time.Duration) *delivered {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].owner == o && (start < 0 || slices.Contains(list[i].starts, start)) {
				return list[i]
			}
		}
		return nil
	}
	faults, under := map[ledger.Owner]int{}, map[ledger.Owner]int{}
	for _, e := range r.events {
		switch nobody := e.Owner == 0 && e.Partition < 0; {
		case nobody:
		case e.Kind == ledger.EventInject:
			faults[e.Owner], under[e.Owner] = faults[e.Owner]+1, under[e.Owner]+1
		case e.Kind == ledger.EventHeal:
			faults[e.Owner], under[e.Owner] = faults[e.Owner]+1, max(0, under[e.Owner]-1)
		}
		if e.Position() != p || !r.holds(&e) {
			continue
		}
		upon := faults[0]
		if e.Owner != 0 {
			upon += faults[e.Owner]
		}
		switch d := of(e.Owner, -1); {
		case e.Kind == ledger.EventStart:
			forgot := d != nil && slices.Contains(r.facts.Unobserved, CheckAckAfterLockExpiry) && (d.faults != upon || under[0] > 0 || under[e.Owner] > 0)
			later := d == nil || forgot || e.Count > d.count && d.count > 0 || d.released > 0 || e.At >= d.locked+r.facts.Lock
			if later {
				d = &delivered{owner: e.Owner, count: e.Count, locked: e.At, faults: upon}
				list = append(list, d)
			}
			d.starts = append(d.starts, e.At)
		case isEffect(&e):
			d := of(e.Owner, e.Start)
			d.effects, d.at = d.effects+1, append(d.at, e.At)
		case e.Kind == ledger.EventAcknowledged && d != nil && e.Outcome != ledger.OutcomeFailed && e.Count == ledger.AckRenew:
			d.locked = e.At
		case e.Kind == ledger.EventAcknowledged && d != nil && e.Outcome != ledger.OutcomeFailed && e.Count == ledger.AckRelease:
			d.released = e.At
		}
	}
	return list
}

// besides is how many effects, of those that are not a further one of their delivery, have
// no excuse because they, or the one before, were by an owner that was never given the record.
func (r *slow) besides(p ledger.Position, list []*delivered) (n int) {
	first, strange := true, false
	for i, e := range r.events {
		if e.Position() != p || !isEffect(&e) || !r.holds(&e) {
			continue
		}
		handed, given := false, false
		for _, a := range r.events[:i] {
			if a.Kind == ledger.EventAcquired {
				handed = true
				given = given || a.Owner == e.Owner && a.Topic == p.Topic && a.Partition == p.Partition && a.Offset <= p.Offset && p.Offset < a.To
			}
		}
		stranger := handed && !given
		if !first && (stranger || strange) && !r.excluded(list, &e) {
			n++
		}
		first, strange = false, stranger
	}
	return n
}

// excluded reports whether an effect is counted already: a further one of its delivery, or
// of one that would not be but for a release of finished work.
func (r *slow) excluded(list []*delivered, e *ledger.Event) bool {
	for _, d := range list {
		if d.owner == e.Owner && slices.Contains(d.starts, e.Start) {
			return len(d.at) > 0 && d.at[0] != e.At || r.undone(list, d)
		}
	}
	return false
}

// undone reports whether a delivery began after a member had given the record back although
// it had finished it.
func (r *slow) undone(list []*delivered, d *delivered) bool {
	return slices.ContainsFunc(list, func(o *delivered) bool {
		return o.released > 0 && o.released < d.starts[0] &&
			slices.ContainsFunc(o.at, func(at time.Duration) bool { return at <= o.released+time.Nanosecond })
	})
}

// given reports whether a record of a share group will never be delivered again.
func (r *slow) given(p ledger.Position) bool {
	last, highest := ledger.Ack(ledger.AckRelease), 0
	for _, e := range r.events {
		switch {
		case e.Position() != p:
		case e.Kind == ledger.EventStart:
			highest = max(highest, int(e.Count))
		case e.Kind == ledger.EventAcknowledged && e.Outcome != ledger.OutcomeFailed && e.Count != ledger.AckRenew:
			last = e.Count
		}
	}
	return r.facts.Share && (last != ledger.AckRelease || highest >= r.facts.Deliveries)
}

// shared: two effects of one delivery are no one's but the consumer's; the broker
// counts, and gives what it was given back; who is late may not accept what another
// has begun.
func (r *slow) shared() {
	for p := range r.h.ids {
		list := r.deliveries(p)
		unexplained, effects := 0, 0
		for _, d := range list {
			effects += d.effects
			if r.undone(list, d) {
				unexplained += d.effects
				continue
			}
			unexplained += max(0, d.effects-1)
		}
		unexplained += r.besides(p, list)
		for i := 1; i < effects; i++ {
			r.add(map[bool]string{true: CheckUnexplainedDuplicate, false: CheckRedelivery}[i <= unexplained], p)
		}
		for _, d := range list {
			begun := d.starts[0]
			back := slices.ContainsFunc(list, func(o *delivered) bool {
				latest := !slices.ContainsFunc(list, func(n *delivered) bool {
					return n.owner == o.owner && n.starts[0] > o.starts[0] && n.starts[0] < begun
				})
				return o.released > 0 && o.released < begun && latest && d.count > 0 && d.count <= o.count
			})
			if int(d.count) > r.facts.Deliveries || back {
				r.add(CheckDeliveryCount, p)
			}
		}
	}
	for i, e := range r.events {
		if e.Kind != ledger.EventAcknowledged || e.Count != ledger.AckAccept {
			continue
		}
		cut := &slow{h: r.h, facts: r.facts, events: r.events[:i], origin: r.origin}
		list := cut.deliveries(e.Position())
		for k := len(list) - 1; k >= 0; k-- {
			if d := list[k]; d.owner == e.Owner {
				others := slices.ContainsFunc(list, func(o *delivered) bool {
					return o.owner != d.owner && slices.ContainsFunc(o.starts, func(s time.Duration) bool { return s > d.starts[0] })
				})
				if e.At > d.locked+r.facts.Lock && others {
					r.add(CheckAckAfterLockExpiry, e.Position())
				}
				break
			}
		}
	}
}
