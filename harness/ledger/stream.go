package ledger

import (
	"cmp"
	"math"
	"sync"
	"time"
)

// File is one journal of a run.
type File struct {
	Path string
	// Reaped is when the writer ended, ns on CLOCK_MONOTONIC. An attempt that it left
	// open ended at that time, without an effect.
	Reaped int64
	Floors Floors // Floors are nil if they are not known: then the stream reads the file for them.
}

// Stream is the replay of a run: the events of all its journals in the order of their
// time, causes first. It reads block by block and keeps only what cannot go yet. So its
// memory grows with the work in flight and not with the run. Not safe for concurrent
// use.
type Stream struct {
	sources []*source
	heads   []moment // heads are the next moments of the sources, noMoment behind the last
}

// BatchSize is for how many events a list for [Stream.Next] has room. So few stay in the
// processor's nearest cache until they are judged.
const BatchSize = 256

// NewStream opens the journals of a run that started at epoch, ns on
// CLOCK_MONOTONIC, all at the same time. Close must be called.
func NewStream(epoch int64, files ...File) (*Stream, error) {
	s := &Stream{sources: make([]*source, len(files)), heads: make([]moment, len(files))}
	errs := make([]error, len(files))
	var opening sync.WaitGroup
	for i, f := range files {
		opening.Go(func() { s.sources[i], errs[i] = openSource(f, epoch) })
	}
	opening.Wait()
	if err := cmp.Or(errs...); err != nil {
		s.Close()
		return nil, err
	}
	for i, src := range s.sources {
		if err := src.refill(); err != nil {
			s.Close()
			return nil, err
		}
		s.heads[i] = src.nextMoment()
	}
	return s, nil
}

// Close closes the journals.
func (s *Stream) Close() {
	for _, src := range s.sources {
		if src != nil {
			src.closeJournal()
		}
	}
}

// Next fills a list with the next events, up to its capacity, and returns none at the end.
// So the one who reads decides how long events stay valid.
func (s *Stream) Next(into []Event) ([]Event, error) {
	out, most := into[:0], cap(into)
	for len(out) < most {
		first, limit := s.lowestSource()
		if first < 0 {
			break
		}
		// All of the lowest source that precedes the second lowest can go at once.
		src := s.sources[first]
		for m := s.heads[first]; m != noMoment && !limit.isBefore(m) && len(out) < most; m = src.nextMoment() {
			out = out[:len(out)+1]
			src.makeEvent(&out[len(out)-1], m)
			src.at++
		}
		if err := src.refill(); err != nil {
			return nil, err
		}
		s.heads[first] = src.nextMoment()
	}
	return out, nil
}

// lowestSource is the source with the earliest moment, -1 at the end of all, and the earliest of
// the others.
func (s *Stream) lowestSource() (first int, limit moment) {
	first, least, limit := -1, noMoment, noMoment
	for i, m := range s.heads {
		switch {
		case m.isBefore(least):
			first, least, limit = i, m, least
		case m.isBefore(limit):
			limit = m
		}
	}
	return first, limit
}

// moment is an event before it is made: when, of which kind, and of which slot of
// its source. It is what is sorted, being a fraction of an event.
type moment struct {
	at  time.Duration
	ref uint64 // kind<<56 | number of the slot
}

// noMoment is later than any.
var noMoment = moment{math.MaxInt64, math.MaxUint64}

// isBefore orders moments by time, and those of one time by cause. An attempt that ended
// in the instant it began did so before the next of its journal began.
func (m moment) isBefore(o moment) bool {
	return m.at < o.at || m.at == o.at && m.isCauseOf(o)
}

// isCauseOf orders moments of one time.
func (m moment) isCauseOf(o moment) bool {
	if m.isAtOnce() && o.isAtOnce() && m.slotNumber() != o.slotNumber() {
		return m.slotNumber() < o.slotNumber()
	}
	return m.ref < o.ref
}

func (m moment) isAtOnce() bool { return m.kind() == eventStartAtOnce || m.kind() == eventEndAtOnce }

func (m moment) kind() EventKind { return EventKind(m.ref >> 56) }

func (m moment) slotNumber() int64 { return int64(m.ref & (1<<56 - 1)) }
