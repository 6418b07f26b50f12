package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// inFaultWindow reports whether a time lies in a fault window, by all events up to the one with an index.
func (r *reference) inFaultWindow(upTo int, now time.Duration) bool {
	for i := range r.events[:upTo] {
		e := &r.events[i]
		switch e.Kind {
		case ledger.EventInject, ledger.EventHeal, ledger.EventDown:
		default:
			continue
		}
		healed := slices.ContainsFunc(r.events[i:upTo], func(h ledger.Event) bool { return h.Kind == ledger.EventHeal && h.Fault() == e.Fault() })
		lasts := e.Kind == ledger.EventInject && e.Partition >= 0 && !healed
		if lasts || now <= e.At+3*r.facts.Session+r.facts.Heartbeat {
			return true
		}
	}
	return false
}

// judgeLivelock: from the fifth time on, no partition changes its owner outside fault windows while the commit is
// below a completed record.
func (r *reference) judgeLivelock() {
	circles := map[int32]int{}
	for i, e := range r.events {
		if e.Kind != ledger.EventOwned || e.Topic > 0 || e.Group > 0 || e.At > r.facts.DrainEnd || r.keepsPartition(i) || r.inFaultWindow(i, e.At) {
			continue
		}
		committed := int64(0)
		for _, c := range r.events[:i] {
			if c.Kind == ledger.EventCommit && c.Outcome == ledger.OutcomeConfirmed && c.Topic == 0 && c.Group == 0 && c.Partition == e.Partition {
				committed = c.Offset
			}
		}
		repeats := slices.ContainsFunc(r.events[:i], func(c ledger.Event) bool {
			if !isEffect(&c) || !r.holds(&c) || c.Flags&ledger.FlagCorrupt != 0 {
				return false
			}
			at := r.source(c.Position())
			return at.Partition == e.Partition && at.Offset >= committed
		})
		if repeats {
			if circles[e.Partition]++; circles[e.Partition] > 4 {
				r.add(CheckLivelock, ledger.Position{Partition: e.Partition, Offset: committed})
			}
		}
	}
}

// keepsPartition reports whether the owner in an event had the partition already.
func (r *reference) keepsPartition(i int) bool {
	e := r.events[i]
	for k := i - 1; k >= 0; k-- {
		b := r.events[k]
		if b.Topic > 0 || b.Group > 0 || b.Partition != e.Partition {
			continue
		}
		if b.Kind == ledger.EventReleased && b.Owner == e.Owner {
			return false
		}
		if b.Kind == ledger.EventOwned {
			return b.Owner == e.Owner && b.Member == e.Member && (r.facts.Protocol != harness.Eager || b.Generation == e.Generation)
		}
	}
	return false
}

// judgeRepeatRate: at most one in ten records, or 19, have a further effect without a fault or a failure since the
// one before it.
func (r *reference) judgeRepeatRate() {
	var repeats []ledger.Position
	latest := map[ledger.Position]ledger.Event{}
	for i, e := range r.events {
		if !isEffect(&e) || !r.holds(&e) || e.Flags&ledger.FlagCorrupt != 0 {
			continue
		}
		at := r.source(e.Position())
		before, again := latest[at]
		if latest[at] = e; !again {
			continue
		}
		since := before.At.Truncate(100 * time.Millisecond)
		explained := slices.ContainsFunc(r.events[:i], func(c ledger.Event) bool {
			switch c.Kind {
			case ledger.EventInject, ledger.EventHeal, ledger.EventDown:
				return c.At >= since
			case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
				return c.Topic == 0 && c.Group == 0 && c.Partition == at.Partition && max(c.At, c.Seen) >= since
			case ledger.EventEnd:
				return c.Owner == e.Owner && (c.Outcome == ledger.OutcomeError || c.Outcome == ledger.OutcomePoison) && r.holds(&c) && c.At >= since
			}
			return false
		})
		if before.Owner == e.Owner && !explained && !r.inFaultWindow(i, e.At) {
			repeats = append(repeats, r.record(e.Position()))
		}
	}
	if r.facts.Delivery != harness.AtLeastOnce || r.facts.Redelivery != harness.RedeliveryAny || len(repeats) < 20 || 10*len(repeats) <= len(latest) {
		return
	}
	for _, at := range repeats {
		r.add(CheckRepeatRate, at)
	}
}

// plantManyRepeats works on one record again and again.
func plantManyRepeats(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	w.facts.Parallelism = 0
	quiet := slices.DeleteFunc(w.alone(), func(a *attempt) bool {
		return w.rangeOf(a) != nil || slices.ContainsFunc(w.seen, func(e ledger.Event) bool {
			return e.Kind == ledger.EventInject || e.Kind == ledger.EventHeal || e.Kind == ledger.EventDown
		}) || slices.ContainsFunc(w.attempts, func(o *attempt) bool { return o.outcome == ledger.OutcomeError || o.outcome == ledger.OutcomePoison })
	})
	a, ok := anyOf(w, quiet)
	if !ok {
		return nil, nil, false
	}
	for range minRepeats {
		a = w.again(a)
	}
	w.facts.Redelivery = harness.RedeliveryAny
	if len(w.expect().expected.must[CheckRepeatRate]) == 0 {
		return nil, nil, false // it is too near to a change of the owner
	}
	return []ledger.Position{a.Position()}, []string{CheckUnexplainedDuplicate, CheckRepeatRate}, true
}

// plantLivelock lets a partition with completed records above its commit change its owner many times, long after
// the last fault.
func plantLivelock(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	m, ok := anyOf(w, w.alive())
	if !ok || w.facts.Effect == harness.EffectOutput {
		return nil, nil, false
	}
	part := pick(w.r, w.parts[:w.facts.Partitions]...)
	w.now += 4 * w.facts.Session
	for n := range allowedCircles + 1 + w.r.IntN(4) {
		w.now += time.Millisecond
		w.event(ledger.Event{
			Kind: ledger.EventOwned, At: w.now, Seen: w.now, Owner: m.owner, Partition: part.place.Partition,
			Membership: ledger.Membership{Generation: w.gen + int32(n) + 1, Member: m.id + uint64(n) + 1},
		})
	}
	w.facts.DrainEnd = max(w.facts.DrainEnd, w.now)
	at = w.expect().expected.must[CheckLivelock]
	return at, []string{CheckLivelock}, len(at) > 0
}
