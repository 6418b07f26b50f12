package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// source yields the events of one journal in time order. Slots lie in the order
// of reservation, which is nearly that of their starts, and end in any order. So
// moments wait in pending until no later block can hold an earlier one, which
// floor knows. A block stays in memory as long as one of its moments waits.
type source struct {
	epoch  int64
	blocks int64           // blocks is how many the journal has.
	floor  []time.Duration // floor is by block: the earliest moment in it or in a later one.

	ahead  *readahead      // ahead is nil while the goroutine has it.
	filled chan *readahead // filled returns ahead from the goroutine.

	waiting map[int64]*block
	pending []moment // pending is sorted.
	at      int      // at is the next of pending.
	safe    int      // safe is how many of pending may go.
	spare   []moment // spare is the memory for the next merge.
	last    *block   // last is the block of the last event: most events come in runs of a block.
	used    []*block // used are blocks without a moment that waits.
}

// block is a block of a journal in memory.
type block struct {
	number  int64
	slots   []Slot
	waiting int // waiting is how many of its moments are not events yet.
}

func openSource(f File, epoch int64) (*source, error) {
	r, err := Open(f.Path)
	if err != nil {
		return nil, err
	}
	s := &source{epoch: epoch, blocks: r.blockCount(), waiting: map[int64]*block{}, filled: make(chan *readahead, 1)}
	floors := f.Floors
	if int64(len(floors)) != r.blockCount() {
		if floors, err = findFloors(r); err != nil {
			r.Close()
			return nil, fmt.Errorf("replay: %w", err)
		}
	}
	s.floor = floors.ofRest(epoch)
	s.ahead = &readahead{reader: r, epoch: epoch, reaped: time.Duration(f.Reaped - epoch)}
	s.readAhead(2 * blockSlots)
	return s, nil
}

// closeJournal waits for the goroutine and closes the journal.
func (s *source) closeJournal() {
	if s.ahead == nil {
		s.ahead = <-s.filled
	}
	s.ahead.reader.Close()
}

// nextMoment is the next moment, noMoment at the end or where refill is due.
func (s *source) nextMoment() moment {
	if s.at >= s.safe {
		return noMoment
	}
	return s.pending[s.at]
}

// makeEvent makes the event of a moment, in place.
func (s *source) makeEvent(e *Event, m moment) {
	number := m.slotNumber() / blockSlots
	if s.last == nil || s.last.number != number {
		s.last = s.waiting[number]
	}
	b := s.last
	b.slots[m.slotNumber()%blockSlots].fillEvent(e, m.kind(), m.at, s.epoch)
	if b.waiting--; b.waiting == 0 {
		delete(s.waiting, number)
		s.used = append(s.used, b)
		s.last = nil
	}
}

// refill takes what was read ahead, while no moment may go and something is left to
// read. It asks for as many moments as have to wait, so that merging stays cheap
// when much is open.
func (s *source) refill() error {
	for s.at >= s.safe && s.ahead == nil {
		a := <-s.filled
		s.ahead = a
		if a.err != nil {
			return a.err
		}
		for _, b := range a.blocks {
			if b.waiting > 0 {
				s.waiting[b.number] = b
			}
		}
		s.pending, s.spare = mergeMoments(s.spare[:0], s.pending[s.at:], a.moments), s.pending
		s.at, s.safe = 0, len(s.pending)
		if a.next < s.blocks {
			s.safe, _ = slices.BinarySearchFunc(s.pending, s.floor[a.next], func(m moment, t time.Duration) int { return cmp.Compare(m.at, t) })
			s.readAhead(max(2*blockSlots, len(s.pending)-s.safe))
		}
	}
	return nil
}

// readAhead has a goroutine read and sort some want moments, if there are more.
func (s *source) readAhead(want int) {
	if s.ahead.next >= s.blocks {
		return
	}
	a := s.ahead
	a.used, s.used = append(a.used, s.used...), s.used[:0]
	s.ahead = nil
	go func() {
		a.readBlocks(want)
		s.filled <- a
	}()
}

// mergeMoments appends two sorted lists to a third.
func mergeMoments(into, a, b []moment) []moment {
	for len(a) > 0 && len(b) > 0 {
		if a[0].isBefore(b[0]) {
			into, a = append(into, a[0]), a[1:]
		} else {
			into, b = append(into, b[0]), b[1:]
		}
	}
	return append(append(into, a...), b...)
}
