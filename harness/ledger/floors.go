package ledger

import (
	"math"
	"time"
)

// Floors are the earliest times in the blocks of a journal, ns on CLOCK_MONOTONIC. The writer of a journal, and [Seal],
// know them, and save the replay a reading.
type Floors []int64

// withBlock adds the next block.
func (f Floors) withBlock(slots []Slot) Floors {
	least := int64(math.MaxInt64)
	for i := range slots {
		if kind := slots[i].Kind(); kind != 0 && kind != KindText {
			least = min(least, slots[i].earliestTime())
		}
	}
	return append(f, least)
}

// findFloors reads a journal for its floors.
func findFloors(r *Reader) (f Floors, err error) {
	err = r.Blocks(func(slots []Slot) { f = f.withBlock(slots) })
	return f, err
}

// ofRest are the earliest times from each block on, since an epoch.
func (f Floors) ofRest(epoch int64) []time.Duration {
	rest, least := make([]time.Duration, len(f)), int64(math.MaxInt64)
	for i := len(f) - 1; i >= 0; i-- {
		least = min(least, f[i])
		if rest[i] = math.MaxInt64; least != math.MaxInt64 {
			rest[i] = sinceEpoch(epoch, least)
		}
	}
	return rest
}
