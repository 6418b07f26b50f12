package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// aside gives the consumer a topic for what it cannot finish yet, which its group or
// one of its own reads, and one for what it never will. It claims no order then.
func (w *world) aside() {
	w.facts.Order, w.window = harness.OrderNone, 3
	w.retries = max(w.retries, 0.2)
	role := pick(w.r, harness.RoleRetry, harness.RoleLane, harness.RoleWide, harness.RoleDelay)
	group := pick(w.r, uint32(0), 7)
	for i, s := range []Side{{Name: "again", Role: role}, {Name: "dead", Role: harness.RoleDeadLetter}} {
		s.Partitions = w.facts.Partitions
		w.facts.Sides = append(w.facts.Sides, s)
		for n := range s.Partitions {
			p := &part{place: ledger.Position{Topic: uint16(i + 1), Partition: int32(n)}}
			if i == 1 {
				w.letters = append(w.letters, p)
				continue
			}
			p.group = group
			w.parts = append(w.parts, p)
		}
	}
}

// forward copies a record that failed to another topic, waits for the answer, and
// is done with it where it was.
func (w *world) forward(p *part, a *attempt) {
	to := w.letters[a.Key%uint32(len(w.letters))]
	if w.r.IntN(2) == 0 {
		to = w.parts[w.facts.Partitions+int(a.Key)%w.facts.Partitions]
	}
	w.tick()
	w.copy(to, a.Key, a.Seq)
	p.done[a.Offset] = true
	w.tick()
}

// copy appends a record to a partition of a side topic.
func (w *world) copy(to *part, key, seq uint32) ledger.Position {
	at := to.place
	w.land(to, at, key, seq)
	w.event(ledger.Event{
		Edge: ledger.EdgeCustody, Outcome: ledger.OutcomeConfirmed, At: w.now,
		Topic: at.Topic, Partition: at.Partition, Offset: at.Offset, Key: key, Seq: seq,
	})
	return at
}

// part is the partition that a position lies in.
func (w *world) part(at ledger.Position) *part {
	for _, p := range append(append(w.parts[:len(w.parts):len(w.parts)], w.letters...), w.out) {
		if p != nil && p.place.Topic == at.Topic && p.place.Partition == at.Partition {
			return p
		}
	}
	return nil
}

// transact gives the consumer a topic for its output. It claims exactly-once.
func (w *world) transact() {
	w.facts.Effect, w.facts.Delivery = harness.EffectOutput, harness.ExactlyOnce
	w.facts.Sides = []Side{{Name: "out", Role: harness.RoleOutput, Partitions: 1}}
	w.letters = nil
	w.out = &part{place: ledger.Position{Topic: 1}}
}

// output appends what was computed since the last commit, in the transaction of this
// one.
func (w *world) output(p *part, commit *ledger.Event) {
	commit.Flags = ledger.FlagTransactional
	for _, l := range p.landed {
		if l.place.Offset >= p.committed && l.place.Offset < commit.Offset {
			w.tick()
			w.copy(w.out, l.key, l.seq)
			w.seen[len(w.seen)-1].Flags = ledger.FlagTransactional
		}
	}
	commit.At = w.tick()
}
