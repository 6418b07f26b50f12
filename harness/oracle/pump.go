package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// pump reads a source ahead, in a goroutine that ends with the source, and marks
// what an event alone does not tell: whether its record lies where it says, where
// it came from, which effect of a record is the first, and which work the group
// had fenced off. Its reader must take all of full and give every batch back to
// free.
type pump struct {
	facts *Facts
	full  chan []ledger.Event // closed at the end of the source
	free  chan []ledger.Event
	err   error // of the source; valid once full is closed
}

// ahead is how many batches are read ahead.
const ahead = 4

func newPump(f *Facts, src Source) *pump {
	p := &pump{facts: f, full: make(chan []ledger.Event, ahead), free: make(chan []ledger.Event, ahead+2)}
	f.finished = f.sets()
	f.fences = newFences(f)
	for range ahead + 2 {
		p.free <- nil
	}
	go func() {
		defer close(p.full)
		for {
			events, err := src.Next()
			if err != nil || len(events) == 0 {
				p.err = err
				return
			}
			batch := append((<-p.free)[:0], events...)
			for i := range batch {
				p.mark(&batch[i])
			}
			p.full <- batch
		}
	}()
	return p
}

func (p *pump) mark(e *ledger.Event) {
	p.facts.fences.mark(e)
	switch e.Edge {
	case ledger.EdgeInject:
		p.facts.injections++
		return
	case ledger.EdgeStart, ledger.EdgeEnd, ledger.EdgeAcked, ledger.EdgeCustody, ledger.EdgeAcknowledged:
	default:
		return
	}
	p.locate(e)
	if p.facts.Effect == harness.EffectOutput {
		p.output(e)
	}
	if isEffect(e) {
		e.First = e.Held && p.facts.finished[e.Origin].Add(e.Source)
	}
}

// locate finds the record of an event in the final read. An acknowledgement
// names a position and no record.
func (p *pump) locate(e *ledger.Event) {
	log, pos := p.facts.Log, e.Position()
	if e.Edge == ledger.EdgeAcknowledged {
		e.Origin, e.Source = -1, -1
		e.Held = log.Landed(pos) && (e.Topic > 0 || int(e.Partition) < p.facts.Partitions)
		return
	}
	e.Held = log.Holds(pos, e.Key, e.Seq)
	if e.Origin, e.Source = e.Partition, e.Offset; e.Topic > 0 {
		origin, ok := log.origin(e.Key, e.Seq)
		if e.Origin, e.Source = origin.Partition, origin.Offset; !ok {
			e.Origin, e.Source = 0, -1
		}
		e.Held = e.Held && ok
	}
	e.Held = e.Held && e.Origin >= 0 && int(e.Origin) < p.facts.Partitions
}

// output makes effects of the output and mere computation of the work, for a
// consumer whose effects are its output.
func (p *pump) output(e *ledger.Event) {
	switch {
	case isEffect(e):
		e.Outcome = ledger.OutcomeComputed
	case e.Edge == ledger.EdgeCustody && p.facts.isOutput(e):
		e.Edge, e.Outcome, e.Start = ledger.EdgeEnd, ledger.OutcomeEffect, e.At
	}
}
