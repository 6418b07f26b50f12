package ledger

import (
	"fmt"
	"time"
)

// readahead travels between a source and the goroutine that reads for it. Only the
// one that has it may use it.
type readahead struct {
	reader *Reader
	epoch  int64
	reaped time.Duration
	next   int64 // next is the next block to read.
	sorter sorter
	used   []*block // used are blocks to fill again.

	blocks  []*block // blocks are those read last.
	moments []moment // moments are theirs, sorted.
	err     error
}

// readBlocks reads blocks with some want moments.
func (a *readahead) readBlocks(want int) {
	a.blocks, a.moments = a.blocks[:0], a.moments[:0]
	for len(a.moments) < want && a.next < a.reader.blockCount() && a.err == nil {
		b := &block{}
		if last := len(a.used) - 1; last >= 0 {
			b, a.used = a.used[last], a.used[:last]
		}
		a.err = a.loadBlock(b)
	}
	a.moments = a.sorter.sortMoments(a.moments)
}

// loadBlock reads the next block into b, and adds it and its moments.
func (a *readahead) loadBlock(b *block) error {
	if b.slots == nil {
		b.slots = make([]Slot, blockSlots)
	}
	slots, err := a.reader.blockInto(b.slots[:blockSlots], a.next)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	b.number, b.slots = a.next, slots
	before := len(a.moments)
	for k := range b.slots {
		number := uint64(a.next*blockSlots + int64(k))
		for _, m := range b.slots[k].momentsOf(a.epoch, a.reaped) {
			if m.kind != 0 {
				a.moments = append(a.moments, moment{m.at, uint64(m.kind)<<56 | number})
			}
		}
	}
	b.waiting = len(a.moments) - before
	a.blocks = append(a.blocks, b)
	a.next++
	return nil
}
