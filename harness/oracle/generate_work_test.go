package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// ready lists the records that the owner of a partition may begin, in the order that the consumer
// claims.
func (w *simulation) ready(p *simPartition) (list []*simRecord) {
	if p.owner == nil || len(p.busy) >= w.window {
		return nil
	}
	held := map[uint32]bool{}
	for _, b := range p.busy {
		held[b.Key] = true
	}
	waiting := 0
	for _, l := range p.records {
		if l.place.Offset < p.next || p.done[l.place] {
			continue
		}
		if l.deferred != nil {
			return p.unfinishedIn(l)
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

func (w *simulation) start(p *simPartition) {
	list := w.ready(p)
	if len(list) == 0 {
		return
	}
	l := pick(w.r, list...)
	w.fetchTo(p, l.place.Offset+1)
	a := w.attempt(p, l, p.owner, w.now)
	if p.busy[l.place] = a; w.batches {
		w.batch(p, a)
	}
}

// attempt is an attempt that a member begins on a record. p is the partition that the member reads
// it from, nil in a share group.
func (w *simulation) attempt(p *simPartition, l *simRecord, by *member, at time.Duration) *attempt {
	a := &attempt{Event: ledger.Event{
		Kind: ledger.EventStart, At: at, Start: at, Owner: by.owner, Topic: l.place.Topic, Partition: l.place.Partition,
		Offset: l.place.Offset, Key: l.key, Seq: l.seq,
	}}
	if p != nil {
		a.under = p.pass
	}
	if p != nil && p == w.deferredTopic {
		a.via = p.first()
	}
	w.attempts = append(w.attempts, a)
	return a
}

// end ends one attempt of a partition, and may begin the next one in that instant.
func (w *simulation) end(p *simPartition) {
	if p.owner == nil || len(p.busy) == 0 {
		return
	}
	outcome := ledger.OutcomeEffect
	if w.r.Float64() < w.retries {
		outcome = w.failure()
	}
	a := pick(w.r, p.open()...)
	w.finish(p, a, outcome)
	if outcome != ledger.OutcomeEffect && w.deadLetters != nil && w.r.IntN(3) > 0 {
		w.forward(p, a)
	}
	if w.r.IntN(4) == 0 {
		w.start(p)
	}
}

// open lists the attempts in flight, the oldest first.
func (p *simPartition) open() (list []*attempt) {
	for _, a := range p.busy {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *attempt) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return list
}

func (w *simulation) finish(p *simPartition, a *attempt, o ledger.Outcome) {
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
	if p == w.deferredTopic && len(p.busy) == 0 {
		p.completeRange()
	}
}

// watermark is the lowest offset that the owner has not completed.
func (p *simPartition) watermark() int64 {
	if l := p.first(); l != nil {
		return l.place.Offset
	}
	return p.place.Offset
}

// first is the first record that the owner has not completed, nil without one.
func (p *simPartition) first() *simRecord {
	for _, l := range p.records {
		if l.place.Offset >= p.next && !p.done[l.place] {
			return l
		}
	}
	return nil
}

// commit commits the watermark. The response may be dropped.
func (w *simulation) commit(p *simPartition) {
	if p.owner == nil || p.watermark() < p.committed && !p.sought {
		return
	}
	e := ledger.Event{
		Kind: ledger.EventCommit, Outcome: ledger.OutcomeConfirmed, At: w.now, Owner: p.owner.owner,
		Topic: p.place.Topic, Partition: p.place.Partition, Offset: p.watermark(),
		Membership: ledger.Membership{Group: p.group, Generation: w.gen, Member: p.owner.id},
	}
	holds := true
	if w.facts.Effect == harness.EffectOutput {
		w.appendOutputs(p, &e)
	} else if w.r.IntN(10) == 0 {
		e.Outcome, holds = ledger.OutcomeUnknown, w.r.IntN(2) == 0
		if !holds && w.r.IntN(2) == 0 {
			e.Outcome = ledger.OutcomeFailed // the group refuses it, and observers see that
		}
	}
	if w.event(e); holds {
		p.committed, p.sought, p.cut = e.Offset, false, uncut
		w.trace.commits = append(w.trace.commits, trueCommit{p, e.At, e.Offset, e.Outcome == ledger.OutcomeConfirmed})
	}
}

// finished reports whether all records are sent, completed and committed.
func (w *simulation) finished() bool {
	for _, p := range w.parts {
		if p.owner == nil || len(p.busy) > 0 || p.watermark() < p.place.Offset || p.committed < p.place.Offset {
			return false
		}
	}
	return len(w.unsent) == 0
}

// openAt counts the attempts of an incarnation that are open when one begins, including that one.
func (w *simulation) openAt(a *attempt) (open int) {
	for _, o := range w.attempts {
		if o.Owner == a.Owner && o.At <= a.At && o.end > a.At {
			open++
		}
	}
	return open
}
