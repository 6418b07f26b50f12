package ledger

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// File is one journal of a run.
type File struct {
	Path string
	// Reaped is when the writer ended, ns on CLOCK_MONOTONIC: attempts that it
	// left open end then, without an effect.
	Reaped int64
}

// Stream is the one replay of a run: the events of all its journals in the
// order of their time, causes first, each effect marked first or not. It reads
// block by block and holds what is not certain to be next: the open window of
// the run, not its length. Not safe for concurrent use.
type Stream struct {
	sources []*source
	effects map[int64]*Offsets // by topic and partition
	out     []Event
}

// batch is how many events Next returns at most.
const batch = 1024

// NewStream opens the journals of a run that started at epoch, ns on
// CLOCK_MONOTONIC. Close must be called.
func NewStream(epoch int64, files ...File) (*Stream, error) {
	s := &Stream{effects: map[int64]*Offsets{}, out: make([]Event, 0, batch)}
	for _, f := range files {
		src, err := newSource(f, epoch)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.sources = append(s.sources, src)
	}
	return s, nil
}

// Close closes the journals.
func (s *Stream) Close() {
	for _, src := range s.sources {
		src.reader.Close()
	}
}

// Next returns the next events, valid until the following call, and none at the end.
func (s *Stream) Next() ([]Event, error) {
	s.out = s.out[:0]
	for len(s.out) < batch {
		first, limit, err := s.lowest()
		if err != nil {
			return nil, err
		}
		if first == nil {
			break
		}
		// All of the lowest source that precedes the second lowest can go at once.
		for len(s.out) < batch {
			e := first.head()
			if e == nil || (limit != nil && compare(e, limit) > 0) {
				break
			}
			s.out = append(s.out, *e)
			s.mark(&s.out[len(s.out)-1])
			first.at++
		}
	}
	return s.out, nil
}

// lowest is the source with the earliest event, and the earliest event of the others.
func (s *Stream) lowest() (first *source, limit *Event, err error) {
	var least *Event
	for _, src := range s.sources {
		if err := src.fill(); err != nil {
			return nil, nil, err
		}
		e := src.head()
		switch {
		case e == nil:
		case least == nil || compare(e, least) < 0:
			first, least, limit = src, e, least
		case limit == nil || compare(e, limit) < 0:
			limit = e
		}
	}
	return first, limit, nil
}

func (s *Stream) mark(e *Event) {
	if e.Edge == EdgeEndAtOnce {
		e.Edge = EdgeEnd
	}
	if e.Edge != EdgeEnd || e.Outcome != OutcomeEffect {
		return
	}
	at := int64(e.Topic)<<32 | int64(e.Partition)
	set := s.effects[at]
	if set == nil {
		set = &Offsets{}
		s.effects[at] = set
	}
	e.First = set.Add(e.Offset)
}

func compare(a, b *Event) int {
	if c := cmp.Compare(a.At, b.At); c != 0 {
		return c
	}
	return cmp.Compare(a.Edge, b.Edge)
}

// source yields the events of one journal in time order. Slots lie in the
// order of reservation, which is nearly that of their starts, and end in any
// order; so events wait in pending until no later block can hold an earlier
// one, which floor knows.
type source struct {
	reader  *Reader
	epoch   int64
	reaped  time.Duration
	floor   []time.Duration // by block: the earliest event in it or in a later one
	block   int64           // the next to read
	pending []Event         // sorted
	at      int             // of pending, the next
	safe    int             // of pending, how many may go
}

func newSource(f File, epoch int64) (*source, error) {
	r, err := Open(f.Path)
	if err != nil {
		return nil, err
	}
	src := &source{reader: r, epoch: epoch, reaped: time.Duration(f.Reaped - epoch), floor: make([]time.Duration, r.blocks())}
	var events []Event
	for i := r.blocks() - 1; i >= 0; i-- {
		slots, err := r.block(i)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("replay: %w", err)
		}
		least := time.Duration(math.MaxInt64)
		if i+1 < r.blocks() {
			least = src.floor[i+1]
		}
		for k := range slots {
			events = slots[k].events(events[:0], epoch, src.reaped)
			for e := range events {
				least = min(least, events[e].At)
			}
		}
		src.floor[i] = least
	}
	return src, nil
}

// head is the next event, nil at the end or where fill is due.
func (s *source) head() *Event {
	if s.at >= s.safe {
		return nil
	}
	return &s.pending[s.at]
}

// fill reads blocks until an event may go, or none is left. It reads as many
// at a time as there is pending, so that sorting stays cheap when much is open.
func (s *source) fill() error {
	for s.at >= s.safe && (s.block < s.reader.blocks() || s.at < len(s.pending)) {
		s.pending = append(s.pending[:0], s.pending[s.at:]...)
		s.at = 0
		for want := len(s.pending) + 2*blockSlots; len(s.pending) < want && s.block < s.reader.blocks(); s.block++ {
			slots, err := s.reader.block(s.block)
			if err != nil {
				return fmt.Errorf("replay: %w", err)
			}
			for k := range slots {
				s.pending = slots[k].events(s.pending, s.epoch, s.reaped)
			}
		}
		slices.SortStableFunc(s.pending, func(a, b Event) int { return compare(&a, &b) })
		s.safe = len(s.pending)
		if s.block < s.reader.blocks() {
			floor := s.floor[s.block]
			s.safe, _ = slices.BinarySearchFunc(s.pending, floor, func(e Event, t time.Duration) int { return cmp.Compare(e.At, t) })
		}
	}
	return nil
}
