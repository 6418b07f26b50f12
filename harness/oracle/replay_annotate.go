package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// pump reads a source and marks what an event alone does not tell: whether its record
// lies where it says, where it came from, which effect of a record is the first, and
// which work was unfenced: nobody is to blame for it. It hands the events out in batches.
type pump struct {
	facts      *Facts
	source     Source
	beside     *beside
	fences     *fences
	asides     *asides
	finished   []ledger.Offsets // see [judging]
	keyed      *keyed           // told early which keys it will want
	injections int64            // faults that took hold
	acks       bool             // acks: a check wants all answers to sends
	batch      batch

	events  []ledger.Event // of the source
	taken   int            // of events, how many have been handed out
	located int            // of events, how many are located
}

// batch is some events of the replay, by who wants to see them: most are of no
// interest to most checks, and to pass over them in each would cost more than all
// they do. Each list is in the order of time and valid until the next batch.
//
// A batch has no first effect and no copy behind a commit or an answer of a share group:
// who is given one finds in [judging] what was finished or copied by then, and nothing
// that was later.
type batch struct {
	Work   []*ledger.Event // all but sends, and answers to them that say what the final read says
	Firsts []*ledger.Event // of those the first effects
	Rare   []*ledger.Event // of Work all but attempts on records that lie where they say, with values unaltered
}

// batchSize is how many events a batch is made of at most: so few stay in the
// processor's nearest cache while one check after the other passes over them.
const batchSize = 128

func newPump(j *judging, source Source, observers []Observer) *pump {
	p := &pump{
		facts: j.Facts, source: source, beside: newBeside(observers),
		fences: j.fences, asides: j.asides, finished: j.finished, keyed: j.keyed, acks: len(j.Aggressors) > 0 || j.Delivery == harness.AtMostOnce,
	}
	p.batch = batch{make([]*ledger.Event, 0, batchSize), make([]*ledger.Event, 0, batchSize), make([]*ledger.Event, 0, batchSize)}
	return p
}

// next is the next batch, nil at the end.
func (p *pump) next() (_ *batch, err error) {
	if p.taken == len(p.events) {
		p.beside.observe(p.events)
		p.taken, p.located = 0, 0
		if p.events, err = p.source.Next(); err != nil || len(p.events) == 0 {
			p.beside.wait()
			return nil, err
		}
	}
	end := min(p.taken+batchSize, len(p.events))
	p.locate(p.events[p.located:end])
	p.located = end
	p.taken += p.fill(&p.batch, p.events[p.taken:end])
	return &p.batch, nil
}

// locate finds the records of events in the final read, in a loop of its own: the
// looks at the log do not wait for each other there.
func (p *pump) locate(events []ledger.Event) {
	log, keyed, partitions := p.facts.Log, p.keyed, p.facts.Partitions
	for i := range events {
		e := &events[i]
		if e.Kind == ledger.EventStart {
			keyed.fetch(e.Key)
		}
		switch e.Kind {
		case ledger.EventStart, ledger.EventEnd, ledger.EventAcked, ledger.EventCopied:
			e.Origin, e.Source = e.Partition, e.Offset
			if e.Topic > 0 {
				e.Origin, e.Source = log.origin(e.Key, e.Seq)
			}
			e.Held = log.holds(e.Topic, e.Partition, e.Offset, e.Key, e.Seq) && e.Source >= 0 && uint(e.Origin) < uint(partitions)
		case ledger.EventAcknowledged: // it names a position and no record
			e.Origin, e.Source = -1, -1
			e.Held = log.landed(e.Position()) && (e.Topic > 0 || int(e.Partition) < partitions)
		}
	}
}

// fill marks events and sorts them into a batch, and returns how many it took.
func (p *pump) fill(b *batch, events []ledger.Event) int {
	b.Work, b.Firsts, b.Rare = b.Work[:0], b.Firsts[:0], b.Rare[:0]
	asked := false
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case ledger.EventSent:
			continue
		case ledger.EventAcked:
			if !p.acks && (e.Held || e.Outcome != ledger.OutcomeAcked) {
				continue
			}
		case ledger.EventStart:
			p.fences.start(e)
			if e.Held && e.Flags&ledger.FlagCorrupt == 0 {
				b.Work = append(b.Work, e)
				continue
			}
		case ledger.EventEnd, ledger.EventCopied:
			if asked {
				return i
			}
			if p.end(e); e.First {
				b.Firsts = append(b.Firsts, e)
			}
			if e.Kind == ledger.EventEnd && e.Held && e.Flags&ledger.FlagCorrupt == 0 {
				b.Work = append(b.Work, e)
				continue
			}
		case ledger.EventCommit, ledger.EventAcknowledged:
			asked = true
		case ledger.EventInject:
			p.injections++
			p.fences.observe(e)
		case ledger.EventDeferred:
			p.asides.add(e)
		default:
			p.fences.observe(e)
		}
		b.Work, b.Rare = append(b.Work, e), append(b.Rare, e)
	}
	return len(events)
}

// end marks the end of an attempt, or a copy.
func (p *pump) end(e *ledger.Event) {
	if e.Kind == ledger.EventEnd {
		p.fences.end(e)
	}
	if p.facts.Effect == harness.EffectOutput {
		p.output(e)
	}
	if isEffect(e) {
		e.First = e.Held && p.finished[e.Origin].Add(e.Source)
	}
}

// output makes effects of the output and mere computation of the work, for a
// consumer whose effects are its output.
func (p *pump) output(e *ledger.Event) {
	switch {
	case isEffect(e):
		e.Outcome = ledger.OutcomeComputed
	case e.Kind == ledger.EventCopied && p.facts.isOutput(e):
		e.Kind, e.Outcome, e.Start = ledger.EventEnd, ledger.OutcomeEffect, e.At
	}
}
