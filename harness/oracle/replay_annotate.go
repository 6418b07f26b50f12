package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// annotator reads a source and marks what an event alone does not tell: whether its record
// lies where it says, where it came from, which effect of a record is the first, and
// which work was unfenced: nobody is to blame for it. It hands the events out in batches.
type annotator struct {
	facts      *Facts
	source     Source
	fanOut     *fanOut
	fences     *fences
	deferred   *deferredRanges
	completed  []ledger.Offsets // see [judgeState]
	keyOrder   *keyOrder        // told early which keys it will want
	injections int64            // faults that took hold
	wantsAcks  bool             // wantsAcks: a check wants all answers to sends
	batch      batch

	events    []ledger.Event // of the source
	handedOut int            // of events, how many have been handed out
	located   int            // of events, how many are located
}

// batch is some events of the replay, by who wants to see them: most are of no
// interest to most checks, and to pass over them in each would cost more than all
// they do. Each list is in the order of time and valid until the next batch.
//
// A batch has no first effect and no copy behind a commit or an answer of a share group:
// who is given one finds in [judgeState] what was finished or copied by then, and nothing
// that was later.
type batch struct {
	Work   []*ledger.Event // all but sends, and answers to them that say what the final read says
	Firsts []*ledger.Event // of those the first effects
	Rare   []*ledger.Event // of Work all but attempts on records that lie where they say, with values unaltered
}

// batchSize is how many events a batch is made of at most: so few stay in the
// processor's nearest cache while one check after the other passes over them.
const batchSize = 128

func newAnnotator(j *judgeState, source Source, observers []Observer) *annotator {
	p := &annotator{
		facts: j.Facts, source: source, fanOut: newFanOut(observers),
		fences: j.fences, deferred: j.deferred, completed: j.completed, keyOrder: j.keyOrder, wantsAcks: len(j.Aggressors) > 0 || j.Delivery == harness.AtMostOnce,
	}
	p.batch = batch{make([]*ledger.Event, 0, batchSize), make([]*ledger.Event, 0, batchSize), make([]*ledger.Event, 0, batchSize)}
	return p
}

// nextBatch is the next batch, nil at the end.
func (p *annotator) nextBatch() (_ *batch, err error) {
	if p.handedOut == len(p.events) {
		p.fanOut.sendEvents(p.events)
		p.handedOut, p.located = 0, 0
		if p.events, err = p.source.Next(); err != nil || len(p.events) == 0 {
			p.fanOut.awaitObservers()
			return nil, err
		}
	}
	end := min(p.handedOut+batchSize, len(p.events))
	p.locateRecords(p.events[p.located:end])
	p.located = end
	p.handedOut += p.annotateBatch(&p.batch, p.events[p.handedOut:end])
	return &p.batch, nil
}

// locateRecords finds the records of events in the final read, in a loop of its own: the
// looks at the log do not wait for each other there.
func (p *annotator) locateRecords(events []ledger.Event) {
	log, keyed, partitions := p.facts.Log, p.keyOrder, p.facts.Partitions
	for i := range events {
		e := &events[i]
		if e.Kind == ledger.EventStart {
			keyed.prefetchKey(e.Key)
		}
		switch e.Kind {
		case ledger.EventStart, ledger.EventEnd, ledger.EventAcked, ledger.EventCopied:
			e.Origin, e.Source = e.Partition, e.Offset
			if e.Topic > 0 {
				e.Origin, e.Source = log.originOf(e.Key, e.Seq)
			}
			e.Held = log.holdsRecord(e.Topic, e.Partition, e.Offset, e.Key, e.Seq) && e.Source >= 0 && uint(e.Origin) < uint(partitions)
		case ledger.EventAcknowledged: // it names a position and no record
			e.Origin, e.Source = -1, -1
			e.Held = log.isAppended(e.Position()) && (e.Topic > 0 || int(e.Partition) < partitions)
		}
	}
}

// annotateBatch marks events and sorts them into a batch, and returns how many it took.
func (p *annotator) annotateBatch(b *batch, events []ledger.Event) int {
	b.Work, b.Firsts, b.Rare = b.Work[:0], b.Firsts[:0], b.Rare[:0]
	asked := false
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case ledger.EventSent:
			continue
		case ledger.EventAcked:
			if !p.wantsAcks && (e.Held || e.Outcome != ledger.OutcomeAcked) {
				continue
			}
		case ledger.EventStart:
			p.fences.markStart(e)
			if e.Held && e.Flags&ledger.FlagCorrupt == 0 {
				b.Work = append(b.Work, e)
				continue
			}
		case ledger.EventEnd, ledger.EventCopied:
			if asked {
				return i
			}
			if p.markEnd(e); e.First {
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
			p.fences.trackOwnership(e)
		case ledger.EventDeferred:
			p.deferred.addRange(e)
		default:
			p.fences.trackOwnership(e)
		}
		b.Work, b.Rare = append(b.Work, e), append(b.Rare, e)
	}
	return len(events)
}

// markEnd marks the end of an attempt, or a copy.
func (p *annotator) markEnd(e *ledger.Event) {
	if e.Kind == ledger.EventEnd {
		p.fences.markAttemptEnd(e)
	}
	if p.facts.Effect == harness.EffectOutput {
		p.markOutput(e)
	}
	if isEffect(e) {
		e.First = e.Held && p.completed[e.Origin].Add(e.Source)
	}
}

// markOutput makes effects of the output and mere computation of the work, for a
// consumer whose effects are its output.
func (p *annotator) markOutput(e *ledger.Event) {
	switch {
	case isEffect(e):
		e.Outcome = ledger.OutcomeComputed
	case e.Kind == ledger.EventCopied && p.facts.isOutput(e):
		e.Kind, e.Outcome, e.Start = ledger.EventEnd, ledger.OutcomeEffect, e.At
	}
}
