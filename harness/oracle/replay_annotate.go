package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// annotator reads a source and marks what an event alone does not tell: whether its record lies where it says,
// where the record first lay in the source, which effect of a record is the first, and which work is unfenced
// or a zombie's. It hands the events out in batches.
type annotator struct {
	facts      *Facts
	source     Source
	fanOut     *fanOut
	fences     *fences
	deferred   *deferredRanges
	completed  []ledger.Offsets // completed is the state of [judgeState].
	repeated   repeatedRecords
	keyOrder   *keyOrder // keyOrder prefetches the keys that it will need.
	injections int64     // injections are faults that took effect.
	wantsSends bool      // wantsSends: a check needs the outcomes of all sends.
	batch      batch

	events    []ledger.Event // events are the source's.
	handedOut int            // handedOut is how many of events went out in batches.
	located   int            // located is how many of events are located.
}

func newAnnotator(s *judgeState, source Source, observers []Observer) *annotator {
	return &annotator{
		facts: s.Facts, source: source, fanOut: newFanOut(observers), fences: s.fences, deferred: s.deferred, completed: s.completed, keyOrder: s.keyOrder,
		repeated:   repeatedRecords{log: s.Log, completed: s.completed},
		wantsSends: slices.ContainsFunc(s.entries, func(e entry) bool { return e.sends != nil && e.sends(s.Facts) }), batch: newBatch(),
	}
}

// nextBatch is the next batch, nil at the end.
func (a *annotator) nextBatch() (_ *batch, err error) {
	if a.handedOut == len(a.events) {
		// Observers get a list only now: all of its events have their marks, and the checks are done with them.
		a.handedOut, a.located = 0, 0
		if a.events, err = a.source.Next(a.fanOut.exchangeList(a.events)); err != nil || len(a.events) == 0 {
			a.fanOut.awaitObservers()
			return nil, err
		}
	}
	end := min(a.handedOut+batchSize, len(a.events))
	a.locateRecords(a.events[a.located:end])
	a.located = end
	a.handedOut += a.annotateBatch(&a.batch, a.events[a.handedOut:end])
	return &a.batch, nil
}

// locateRecords finds the records of events in the final read. It is a loop without other work, so that the
// processor overlaps the reads of the log.
func (a *annotator) locateRecords(events []ledger.Event) {
	log, keys, partitions := a.facts.Log, a.keyOrder, a.facts.Partitions
	for i := range events {
		e := &events[i]
		if e.Kind == ledger.EventStart {
			keys.prefetchKey(e.Key)
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

// annotateBatch marks events and sorts them into a batch. It returns how many it took.
func (a *annotator) annotateBatch(b *batch, events []ledger.Event) int {
	b.Work, b.Firsts, b.Rare = b.Work[:0], b.Firsts[:0], b.Rare[:0]
	committed := false // the batch has a commit or an acknowledgement
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case ledger.EventSent, ledger.EventPolled:
			continue
		case ledger.EventAcked:
			if !a.wantsSends && (e.Held || e.Outcome != ledger.OutcomeAcked) {
				continue
			}
		case ledger.EventStart:
			a.fences.markStart(e)
			if e.Held && e.Flags&ledger.FlagCorrupt == 0 {
				b.Work = append(b.Work, e)
				continue
			}
		case ledger.EventEnd, ledger.EventCopied:
			if committed {
				return i
			}
			if a.markEnd(e); e.First {
				b.Firsts = append(b.Firsts, e)
			}
			if e.Kind == ledger.EventEnd && e.Held && e.Flags&ledger.FlagCorrupt == 0 {
				b.Work = append(b.Work, e)
				continue
			}
		case ledger.EventCommit, ledger.EventAcknowledged:
			committed = true
		case ledger.EventTrimmed:
			if committed {
				return i // a commit before it covers records that were there still
			}
		case ledger.EventInject:
			a.injections++
			a.fences.trackOwnership(e)
		case ledger.EventDeferred:
			a.deferred.addRange(e)
		case ledger.EventFetched: // it says nothing about owners
		default:
			a.fences.trackOwnership(e)
		}
		b.Work, b.Rare = append(b.Work, e), append(b.Rare, e)
	}
	return len(events)
}

// markEnd marks the end of an attempt, or a copy.
func (a *annotator) markEnd(e *ledger.Event) {
	if e.Kind == ledger.EventEnd {
		a.fences.markAttemptEnd(e)
	}
	if a.facts.Effect == harness.EffectOutput {
		a.markOutput(e)
	}
	if isEffect(e) {
		a.repeated.locateEffect(e)
		e.First = e.Held && a.completed[e.Origin].Add(e.Source)
	}
}

// markOutput makes an effect of each output, for a consumer whose effects are its outputs. The work itself has
// no effect then.
func (a *annotator) markOutput(e *ledger.Event) {
	switch {
	case isEffect(e):
		e.SetComputed()
	case e.Kind == ledger.EventCopied && a.facts.isOutput(e):
		e.SetEffect()
	}
}
