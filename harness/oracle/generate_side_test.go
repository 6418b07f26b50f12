package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// addSideTopics gives the consumer a topic for records that it cannot complete yet, and a
// dead-letter topic. Its group or one of its own reads the first. The consumer then claims no
// order.
func (w *simulation) addSideTopics() {
	w.facts.Order, w.window = harness.OrderNone, 3
	w.facts.DeadLetters = harness.DeadLetterPolicy{Attempts: w.r.IntN(4), Cancelled: w.r.IntN(3) == 0}
	w.retries = max(w.retries, 0.2)
	role := pick(w.r, harness.RoleRetry, harness.RoleOverflow, harness.RoleWide, harness.RoleDelay)
	group := pick(w.r, uint32(0), 7)
	for i, s := range []Side{{Name: "again", Role: role}, {Name: "dead", Role: harness.RoleDeadLetter}} {
		s.Partitions = w.facts.Partitions
		w.facts.Sides = append(w.facts.Sides, s)
		for n := range s.Partitions {
			p := newSimPartition(ledger.Position{Topic: uint16(i + 1), Partition: int32(n)})
			if i == 1 {
				w.deadLetters = append(w.deadLetters, p)
				continue
			}
			p.group = group
			w.parts = append(w.parts, p)
		}
	}
}

// failure is the outcome of an attempt that fails.
func (w *simulation) failure() ledger.Outcome {
	switch outcome := pick(w.r, ledger.OutcomeError, ledger.OutcomeError, ledger.OutcomePoison, ledger.OutcomeCancelled); {
	case w.deadLetters == nil, outcome == ledger.OutcomeCancelled && !w.facts.DeadLetters.Cancelled:
		return ledger.OutcomeError
	default:
		return outcome
	}
}

// mayDeadLetter reports whether the consumer has a reason to dead-letter a record.
func (w *simulation) mayDeadLetter(key, seq uint32) bool {
	failed := 0
	for _, a := range w.attempts {
		if a.Key != key || a.Seq != seq {
			continue
		}
		switch a.outcome {
		case ledger.OutcomePoison:
			return true
		case ledger.OutcomeCancelled:
			if w.facts.DeadLetters.Cancelled {
				return true
			}
		case ledger.OutcomeError:
			failed++
		}
	}
	return failed >= w.facts.DeadLetters.MinAttempts()
}

// forward copies a record that failed to another topic, waits for the response, and leaves the
// record where it was.
func (w *simulation) forward(p *simPartition, a *attempt) {
	to := w.deadLetters[a.Key%uint32(len(w.deadLetters))]
	if w.r.IntN(2) == 0 || !w.mayDeadLetter(a.Key, a.Seq) {
		to = w.parts[w.facts.Partitions+int(a.Key)%w.facts.Partitions]
	}
	w.tick()
	w.copy(to, a.Key, a.Seq, a)
	p.done[a.Position()] = true
	w.tick()
}

// copy appends a record to a partition of a side topic because of an attempt. by is nil for a
// planted copy and for an output.
func (w *simulation) copy(to *simPartition, key, seq uint32, by *attempt) ledger.Position {
	at := to.place
	w.appendRecord(to, at, key, seq)
	w.trace.copies[at] = by
	w.event(ledger.Event{
		Kind: ledger.EventCopied, Outcome: ledger.OutcomeConfirmed, At: w.now,
		Topic: at.Topic, Partition: at.Partition, Offset: at.Offset, Key: key, Seq: seq,
	})
	return at
}

// addDeferredTopic gives the consumer a topic for ranges of the source that it defers. The owner of
// that topic works on them. The consumer then claims no order.
func (w *simulation) addDeferredTopic() {
	w.facts.Order, w.window = harness.OrderNone, 3
	w.facts.Sides = []Side{{Name: "skipped", Role: harness.RoleRanges, Partitions: 1}}
	w.deferredTopic = newSimPartition(ledger.Position{Topic: 1})
	w.deferredTopic.group = pick(w.r, uint32(0), 7)
	w.parts = append(w.parts, w.deferredTopic)
}

// deferRecords defers the next records of a partition that are neither completed nor in flight.
func (w *simulation) deferRecords(p *simPartition) {
	if p.owner == nil || p == w.deferredTopic {
		return
	}
	var list []*simRecord
	for _, l := range p.records {
		switch undone := l.place.Offset >= p.next && !p.done[l.place] && p.busy[l.place] == nil; {
		case undone && len(list) < 4:
			list = append(list, l)
		case len(list) > 0: // the range has no holes
			w.appendRange(p, list)
			return
		}
	}
	if len(list) > 0 {
		w.appendRange(p, list)
	}
}

func (w *simulation) appendRange(p *simPartition, list []*simRecord) {
	to := list[len(list)-1].place.Offset + 1
	w.tick()
	e := ledger.Event{Kind: ledger.EventDeferred, At: w.now, Partition: p.place.Partition, Offset: list[0].place.Offset, To: to}
	e.SetDeferredBy(w.deferredTopic.place)
	w.event(e)
	w.trace.ranges[w.deferredTopic.place] = p.pass
	w.deferredTopic.records = append(w.deferredTopic.records, &simRecord{place: w.deferredTopic.place, at: w.now, deferred: list})
	w.deferredTopic.place.Offset++
	for _, l := range list {
		p.done[l.place] = true
	}
	w.tick()
}

// unfinishedIn lists the records of a range that the owner of the ranges has not begun yet.
func (p *simPartition) unfinishedIn(r *simRecord) (list []*simRecord) {
	for _, l := range r.deferred {
		if !p.done[l.place] && p.busy[l.place] == nil {
			list = append(list, l)
		}
	}
	return list
}

// completeRange completes a range when all its records are. Another range may hold the same
// records, if the source was read again: it does not know of this one.
func (p *simPartition) completeRange() {
	for _, l := range p.records {
		if l.place.Offset < p.next || p.done[l.place] {
			continue
		}
		if len(p.unfinishedIn(l)) == 0 {
			p.done[l.place] = true
			for _, in := range l.deferred {
				delete(p.done, in.place)
			}
		}
		return
	}
}

// part is the partition that a position lies in.
func (w *simulation) part(at ledger.Position) *simPartition {
	for _, p := range append(append(w.parts[:len(w.parts):len(w.parts)], w.deadLetters...), w.out) {
		if p != nil && p.place.Topic == at.Topic && p.place.Partition == at.Partition {
			return p
		}
	}
	return nil
}

// addOutputTopic gives the consumer a topic for its output. The consumer then claims exactly-once.
func (w *simulation) addOutputTopic() {
	w.facts.Effect, w.facts.Delivery = harness.EffectOutput, harness.ExactlyOnce
	w.facts.Sides = []Side{{Name: "out", Role: harness.RoleOutput, Partitions: 1}}
	w.deadLetters = nil
	w.out = newSimPartition(ledger.Position{Topic: 1})
}

// appendOutputs appends the outputs of all records since the last commit, in the transaction of
// this commit.
func (w *simulation) appendOutputs(p *simPartition, commit *ledger.Event) {
	commit.Flags = ledger.FlagTransactional
	for _, l := range p.records {
		if l.place.Offset >= p.committed && l.place.Offset < commit.Offset {
			w.tick()
			w.copy(w.out, l.key, l.seq, nil)
			w.seen[len(w.seen)-1].Flags = ledger.FlagTransactional
		}
	}
	commit.At = w.tick()
}
