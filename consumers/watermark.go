package consumers

import "github.com/twmb/franz-go/pkg/kgo"

// watermark knows which offset of a partition may be committed while its
// records finish in any order: the one after the last record below which all
// that was taken has finished. It goes by the records taken, in the order taken,
// so gaps in the offsets (compaction, transaction markers) need no care, and a
// client that goes back in the log takes the watermark back with it.
//
// The records between the lowest unfinished and the newest lie in a ring of 16
// bytes each; a record costs no allocation once the ring has grown to the most
// that were ever out. The zero value is ready to use. It is not safe for
// concurrent use.
//
// The idea is Confluent parallel-consumer's and, before it, every selective
// acknowledgement protocol's: acknowledge the lowest gap, remember what is
// finished above it.
type watermark struct {
	ring      []taken // a power of two long; ring[seq&mask]
	low, high uint64  // low is the lowest number not finished, high the next to be given
	next      kgo.EpochOffset
}

type taken struct {
	offset   int64
	epoch    int32
	finished bool
}

const firstRing = 64

// take notes that the record at offset was received and returns its number,
// which counts from 0 without a gap.
func (w *watermark) take(offset int64, epoch int32) (seq uint64) {
	if w.out() == len(w.ring) {
		w.grow()
	}
	seq = w.high
	w.high++
	w.ring[seq&uint64(len(w.ring)-1)] = taken{offset: offset, epoch: epoch}
	return seq
}

// finish notes that the work on record seq is done, once per record, and
// returns by how many records the watermark rose.
func (w *watermark) finish(seq uint64) (freed int) {
	mask := uint64(len(w.ring) - 1)
	w.ring[seq&mask].finished = true
	for w.low < w.high && w.ring[w.low&mask].finished {
		t := &w.ring[w.low&mask]
		w.next = kgo.EpochOffset{Epoch: t.epoch, Offset: t.offset + 1}
		w.low++
		freed++
	}
	return freed
}

// commit is the offset to commit; ok is false as long as there is none.
func (w *watermark) commit() (next kgo.EpochOffset, ok bool) { return w.next, w.low > 0 }

// out is the number of records taken and not under the watermark.
func (w *watermark) out() int { return int(w.high - w.low) }

// above is the number of those that are finished. It looks at them all.
func (w *watermark) above() (finished int) {
	for seq := w.low; seq < w.high; seq++ {
		if w.ring[seq&uint64(len(w.ring)-1)].finished {
			finished++
		}
	}
	return finished
}

func (w *watermark) grow() {
	ring := make([]taken, max(firstRing, 2*len(w.ring)))
	for seq := w.low; seq < w.high; seq++ {
		ring[seq&uint64(len(ring)-1)] = w.ring[seq&uint64(len(w.ring)-1)]
	}
	w.ring = ring
}
