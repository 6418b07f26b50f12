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
// order of their time, causes first. It reads
// block by block and holds what is not certain to be next: the open window of
// the run, not its length. Not safe for concurrent use.
type Stream struct {
	sources []*source
	heads   []moment // heads are the next moments of the sources, noMoment behind the last
	out     []Event
}

// batch is how many events Next returns at most: they are still in the processor's
// nearest cache when they are looked at.
const batch = 256

// NewStream opens the journals of a run that started at epoch, ns on
// CLOCK_MONOTONIC. Close must be called.
func NewStream(epoch int64, files ...File) (*Stream, error) {
	s := &Stream{out: make([]Event, 0, batch)}
	for _, f := range files {
		src, err := newSource(f, epoch)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.sources, s.heads = append(s.sources, src), append(s.heads, noMoment)
	}
	for i, src := range s.sources {
		if err := src.fill(); err != nil {
			s.Close()
			return nil, err
		}
		s.heads[i] = src.head()
	}
	return s, nil
}

// Close closes the journals.
func (s *Stream) Close() {
	for _, src := range s.sources {
		src.close()
	}
}

// Next returns the next events, valid until the following call, and none at the end.
func (s *Stream) Next() ([]Event, error) {
	s.out = s.out[:0]
	for len(s.out) < batch {
		first, limit := s.lowest()
		if first < 0 {
			break
		}
		// All of the lowest source that precedes the second lowest can go at once.
		src := s.sources[first]
		for m := s.heads[first]; m != noMoment && !limit.before(m) && len(s.out) < batch; m = src.head() {
			s.out = s.out[:len(s.out)+1]
			src.event(&s.out[len(s.out)-1], m)
			src.at++
		}
		if err := src.fill(); err != nil {
			return nil, err
		}
		s.heads[first] = src.head()
	}
	return s.out, nil
}

// lowest is the source with the earliest moment, -1 if none has one, and the earliest of
// the others.
func (s *Stream) lowest() (first int, limit moment) {
	first, least, limit := -1, noMoment, noMoment
	for i, m := range s.heads {
		switch {
		case m.before(least):
			first, least, limit = i, m, least
		case m.before(limit):
			limit = m
		}
	}
	return first, limit
}

// moment is an event before it is made: when, which edge, and of which slot of
// its source. It is what is sorted, being a fraction of an event.
type moment struct {
	at  time.Duration
	ref uint64 // edge<<56 | number of the slot
}

// noMoment is later than any.
var noMoment = moment{math.MaxInt64, math.MaxUint64}

// before orders moments by time, and those of one time by cause. An attempt that ended
// in the instant it began did so before the next of its journal began.
func (m moment) before(o moment) bool {
	return m.at < o.at || m.at == o.at && m.causes(o)
}

// causes orders moments of one time.
func (m moment) causes(o moment) bool {
	if m.atOnce() && o.atOnce() && m.slot() != o.slot() {
		return m.slot() < o.slot()
	}
	return m.ref < o.ref
}

func (m moment) atOnce() bool { return m.edge() == EdgeStartAtOnce || m.edge() == EdgeEndAtOnce }

func (m moment) edge() Edge { return Edge(m.ref >> 56) }

func (m moment) slot() int64 { return int64(m.ref & (1<<56 - 1)) }

// source yields the events of one journal in time order. Slots lie in the order
// of reservation, which is nearly that of their starts, and end in any order; so
// moments wait in pending until no later block can hold an earlier one, which
// floor knows. Blocks stay in memory as long as a moment of theirs waits. The
// next blocks are read and their moments sorted ahead, in a goroutine.
type source struct {
	reader  *Reader // of the goroutine, while there is one
	epoch   int64
	reaped  time.Duration
	floor   []time.Duration // by block: the earliest moment in it or in a later one
	blocks  map[int64]*loaded
	next    int64      // the next block to read
	coming  chan chunk // what the goroutine reads; nil if there is none
	pending []moment   // sorted
	at      int        // of pending, the next
	safe    int        // of pending, how many may go
	spare   []moment   // room to merge into
	sorted  []moment   // room for the moments of a chunk
	sorter  sorter     // of the goroutine
	last    *loaded    // of the last event: most events come in runs of a block
	done    []*loaded  // blocks to be used again
}

// loaded is a block in memory.
type loaded struct {
	number  int64
	slots   []Slot
	waiting int // moments that are not events yet
}

// chunk is some blocks read ahead, and their moments, sorted.
type chunk struct {
	blocks  []*loaded
	moments []moment
	err     error
}

func newSource(f File, epoch int64) (*source, error) {
	r, err := Open(f.Path)
	if err != nil {
		return nil, err
	}
	src := &source{
		reader: r, epoch: epoch, reaped: time.Duration(f.Reaped - epoch),
		floor: make([]time.Duration, r.blocks()), blocks: map[int64]*loaded{},
	}
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
			if slots[k].Kind() != 0 && slots[k].Kind() != KindText {
				least = min(least, since(epoch, slots[k].first()))
			}
		}
		src.floor[i] = least
	}
	src.ahead(2 * blockSlots)
	return src, nil
}

// close waits for the goroutine and closes the journal.
func (s *source) close() {
	if s.coming != nil {
		<-s.coming
	}
	s.reader.Close()
}

// head is the next moment, noMoment at the end or where fill is due.
func (s *source) head() moment {
	if s.at >= s.safe {
		return noMoment
	}
	return s.pending[s.at]
}

// event makes the event of a moment, in place.
func (s *source) event(e *Event, m moment) {
	number := m.slot() / blockSlots
	if s.last == nil || s.last.number != number {
		s.last = s.blocks[number]
	}
	b := s.last
	b.slots[m.slot()%blockSlots].event(e, m.edge(), m.at, s.epoch)
	if b.waiting--; b.waiting == 0 {
		delete(s.blocks, number)
		s.done = append(s.done, b)
		s.last = nil
	}
}

// fill takes, where no moment may go, what was read ahead until a moment may go, or none is left. As many
// are read at a time as have to wait, so that merging stays cheap when much is
// open.
func (s *source) fill() error {
	for s.at >= s.safe && (s.coming != nil || s.at < len(s.pending)) {
		waiting := s.pending[s.at:]
		var c chunk
		if s.coming != nil {
			c = <-s.coming
			s.coming = nil
		}
		if c.err != nil {
			return c.err
		}
		for _, b := range c.blocks {
			if s.next++; b.waiting > 0 {
				s.blocks[b.number] = b
			}
		}
		s.pending, s.spare = merge(s.spare[:0], waiting, c.moments), s.pending
		s.at, s.safe, s.sorted = 0, len(s.pending), c.moments
		if s.next < s.reader.blocks() {
			floor := s.floor[s.next]
			s.safe, _ = slices.BinarySearchFunc(s.pending, floor, func(m moment, t time.Duration) int { return cmp.Compare(m.at, t) })
			s.ahead(max(2*blockSlots, len(s.pending)-s.safe))
		}
	}
	return nil
}

// ahead begins to read blocks with some want moments.
func (s *source) ahead(want int) {
	if s.next >= s.reader.blocks() {
		return
	}
	coming := make(chan chunk, 1)
	from, used, c := s.next, s.done, chunk{moments: s.sorted[:0]}
	s.coming, s.done, s.sorted = coming, nil, nil
	go func() {
		for n := from; len(c.moments) < want && n < s.reader.blocks() && c.err == nil; n++ {
			b := &loaded{}
			if len(used) > 0 {
				b, used = used[len(used)-1], used[:len(used)-1]
			}
			c.err = s.load(&c, b, n)
		}
		c.moments = s.sorter.sort(c.moments)
		coming <- c
	}()
}

// merge appends two sorted lists to a third.
func merge(into, a, b []moment) []moment {
	for len(a) > 0 && len(b) > 0 {
		if a[0].before(b[0]) {
			into, a = append(into, a[0]), a[1:]
		} else {
			into, b = append(into, b[0]), b[1:]
		}
	}
	return append(append(into, a...), b...)
}

// load reads block number n into b and adds it and its moments to c.
func (s *source) load(c *chunk, b *loaded, n int64) error {
	slots, err := s.reader.block(n)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	b.number, b.slots = n, append(b.slots[:0], slots...)
	before := len(c.moments)
	for k := range b.slots {
		number := uint64(n*blockSlots + int64(k))
		for _, m := range b.slots[k].moments(s.epoch, s.reaped) {
			if m.edge != 0 {
				c.moments = append(c.moments, moment{m.at, uint64(m.edge)<<56 | number})
			}
		}
	}
	b.waiting = len(c.moments) - before
	c.blocks = append(c.blocks, b)
	return nil
}
