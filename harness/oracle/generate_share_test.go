package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// sharedRecord is what the broker of a share group keeps about a record.
type sharedRecord struct {
	*simRecord
	to     *member // nil while the record is available
	count  uint8
	locked time.Duration
	work   *attempt // in flight for it
	done   bool
	is     *trueDelivery // the latest delivery of it
}

// runShareGroup runs a share group. The broker delivers each record to one member at a time, counts
// the deliveries, and takes a record back when its lock expires.
func (w *simulation) runShareGroup() {
	w.facts.Share, w.facts.Order, w.facts.Lock, w.facts.Deliveries = true, harness.OrderNone, 3*time.Second, 6
	w.acquisitionsSeen = w.r.IntN(2) == 0
	var records []*sharedRecord
	for len(w.unsent) > 0 || slices.ContainsFunc(records, func(g *sharedRecord) bool { return !g.done }) {
		w.tick()
		w.renew(records, w.now-w.facts.Lock/2)
		n := w.r.IntN(20)
		if n < 5 && len(w.unsent) > 0 {
			before := len(w.sourceRecords())
			w.send()
			for _, l := range w.sourceRecords() {
				if !slices.ContainsFunc(records, func(g *sharedRecord) bool { return g.simRecord == l }) && len(w.sourceRecords()) > before {
					records = append(records, &sharedRecord{simRecord: l})
				}
			}
			continue
		}
		if len(records) == 0 {
			continue
		}
		g := pick(w.r, records...)
		switch {
		case n == 19 && w.disruptions > 0:
			w.disruptions--
			w.killMember(records)
		case n == 16 && w.disruptions > 0:
			w.disruptions--
			w.trimShared(g, records)
		case g.done:
		case g.to == nil:
			w.deliverToAny(g)
		case g.work == nil: // the same member tries again
			g.work = w.tryRecord(g)
		case n < 15:
			w.endTry(g)
		case n == 17 && g.count < 4 && !w.isDeleted(g.place):
			w.now += 10 * time.Millisecond
			w.renew(slices.DeleteFunc(slices.Clone(records), func(o *sharedRecord) bool { return o == g }), w.now)
			w.expireLock(g)
		case n == 18:
			g.locked, g.is.locks = w.now, append(g.is.locks, w.now)
			w.observeAcknowledgement(g.simRecord, g.to, ledger.AckRenew)
		}
	}
}

func (w *simulation) deliverToAny(g *sharedRecord) {
	w.deliverTo(g, pick(w.r, w.alive()...))
}

// deliverTo delivers a record to a member, which begins it.
func (w *simulation) deliverTo(g *sharedRecord, to *member) {
	g.to, g.locked, g.count = to, w.now, g.count+1
	g.is = w.trace.deliver(g.place, to, w.now, g.is)
	if w.acquisitionsSeen {
		w.event(ledger.Event{
			Kind: ledger.EventAcquired, Outcome: ledger.OutcomeConfirmed, At: w.now, Owner: to.owner, Deliveries: g.count,
			Topic: g.place.Topic, Partition: g.place.Partition, Offset: g.place.Offset, To: g.place.Offset + 1,
		})
	}
	g.work = w.tryRecord(g)
}

func (w *simulation) tryRecord(g *sharedRecord) *attempt {
	a := w.attempt(nil, g.simRecord, g.to, w.now)
	a.Deliveries, a.delivery = g.count, g.is
	return a
}

// endTry ends the work on a record. The member accepts it after an effect, and releases or retries
// it after a failure.
func (w *simulation) endTry(g *sharedRecord) {
	work := g.work
	work.end, work.outcome, g.work = w.now, ledger.OutcomeEffect, nil
	if w.r.Float64() < w.retries && g.count < uint8(w.facts.Deliveries) {
		work.outcome = ledger.OutcomeError
		if w.r.IntN(2) == 0 {
			w.tick()
			w.observeAcknowledgement(g.simRecord, g.to, ledger.AckRelease)
			g.to, g.is.released, g.done = nil, w.now, w.isDeleted(g.place)
		}
		return
	}
	w.tick()
	w.observeAcknowledgement(g.simRecord, g.to, ledger.AckAccept)
	g.done = true
}

func (w *simulation) observeAcknowledgement(l *simRecord, by *member, answer ledger.Ack) {
	w.event(ledger.Event{
		Kind: ledger.EventAcknowledged, Outcome: ledger.OutcomeConfirmed, At: w.now, Owner: by.owner, Ack: answer,
		Topic: l.place.Topic, Partition: l.place.Partition, Offset: l.place.Offset, Key: l.key, Seq: l.seq,
	})
}

// renew renews the locks of some records in flight, if they began before a time.
func (w *simulation) renew(records []*sharedRecord, before time.Duration) {
	for _, g := range records {
		if g.to != nil && !g.done && g.locked < before {
			g.locked, g.is.locks = w.now, append(g.is.locks, w.now)
			w.observeAcknowledgement(g.simRecord, g.to, ledger.AckRenew)
		}
	}
}

// expireLock lets a lock expire while its member is slow. The member goes on for a while and
// acknowledges nothing.
func (w *simulation) expireLock(g *sharedRecord) {
	w.now = max(w.now, g.locked+w.facts.Lock)
	g.work.end = w.now + time.Duration(1+w.r.IntN(20_000))*time.Microsecond
	g.work.outcome = pick(w.r, ledger.OutcomeEffect, ledger.OutcomeCancelled)
	others := slices.DeleteFunc(w.alive(), func(m *member) bool { return m == g.to })
	if len(others) == 0 {
		others = append(others, w.join())
	}
	w.tick()
	w.deliverTo(g, pick(w.r, others...))
}

// killMember ends a member. The broker delivers its records to others, and may take back the count.
func (w *simulation) killMember(records []*sharedRecord) {
	m := pick(w.r, w.alive()...)
	m.alive = false
	reaped := w.tick()
	for _, a := range w.attempts {
		if a.Owner == m.owner && (a.end == 0 || a.end > reaped) {
			a.end, a.outcome = reaped, ledger.OutcomeOpen
		}
	}
	for _, g := range records {
		if g.to == m && !g.done {
			g.to, g.work, g.done = nil, nil, w.isDeleted(g.place)
			if g.count > 2 || w.r.IntN(2) == 0 {
				g.count--
			}
		}
	}
	w.trace.downs = append(w.trace.downs, reaped)
	w.event(ledger.Event{Kind: ledger.EventDown, At: reaped, Owner: m.owner})
	if len(w.alive()) == 0 || w.r.IntN(2) == 0 {
		w.join()
	}
	w.tick()
}
