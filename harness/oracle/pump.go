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
	full  chan *batch // closed at the end of the source
	free  chan *batch
	err   error // of the source; valid once full is closed
}

// batch is some events of the replay: all of them, for the measures, and what of them
// the checks want to see. Most events are of no interest to most checks, and to pass
// over them in each would cost more than all they do.
type batch struct {
	all  []ledger.Event
	work []*ledger.Event // all but sends, and answers to them that say what the final read says
	rare []*ledger.Event // of those all but attempts on records that lie where they say, with values unaltered
}

// take takes a copy of events of the source.
func (b *batch) take(events []ledger.Event) {
	b.all, b.work, b.rare = append(b.all[:0], events...), b.work[:0], b.rare[:0]
}

// sort puts an event that has been marked where it belongs.
func (b *batch) sort(e *ledger.Event, acks bool) {
	switch e.Edge {
	case ledger.EdgeSent:
		return
	case ledger.EdgeAcked:
		if !acks && (e.Held || e.Outcome != ledger.OutcomeAcked) {
			return
		}
	case ledger.EdgeStart, ledger.EdgeEnd:
		if e.Held && e.Flags&ledger.FlagCorrupt == 0 {
			b.work = append(b.work, e)
			return
		}
	}
	b.work, b.rare = append(b.work, e), append(b.rare, e)
}

// ahead is how many batches are read ahead.
const ahead = 4

func newPump(f *Facts, src Source) *pump {
	p := &pump{facts: f, full: make(chan *batch, ahead), free: make(chan *batch, ahead+2)}
	f.finished = f.sets()
	f.fences = newFences(f)
	for range ahead + 2 {
		p.free <- &batch{}
	}
	go func() {
		defer close(p.full)
		for {
			events, err := src.Next()
			if err != nil || len(events) == 0 {
				p.err = err
				return
			}
			b := <-p.free
			b.take(events)
			for i := range b.all {
				p.mark(&b.all[i])
				b.sort(&b.all[i], len(f.Aggressors) > 0)
			}
			p.full <- b
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
