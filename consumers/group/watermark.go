package group

import "github.com/twmb/franz-go/pkg/kgo"

// Watermark knows which offset of a partition may be committed while its
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
type Watermark struct {
	ring      []trackedRecord // a power of two long; ring[seq&mask]
	low, high uint64          // low is the lowest number not finished, high the next to be given
	next      kgo.EpochOffset
}

type trackedRecord struct {
	offset    int64
	epoch     int32
	completed bool
}

const firstRing = 64

// Track notes that the record at offset was received and returns its number,
// which counts from 0 without a gap.
func (w *Watermark) Track(offset int64, epoch int32) (seq uint64) {
	if w.Outstanding() == len(w.ring) {
		w.growRing()
	}
	seq = w.high
	w.high++
	w.ring[seq&uint64(len(w.ring)-1)] = trackedRecord{offset: offset, epoch: epoch}
	return seq
}

// Complete notes that the work on record seq is done, once per record, and
// returns by how many records the watermark rose.
func (w *Watermark) Complete(seq uint64) (freed int) {
	mask := uint64(len(w.ring) - 1)
	w.ring[seq&mask].completed = true
	for w.low < w.high && w.ring[w.low&mask].completed {
		t := &w.ring[w.low&mask]
		w.next = kgo.EpochOffset{Epoch: t.epoch, Offset: t.offset + 1}
		w.low++
		freed++
	}
	return freed
}

// Offset is the offset to commit; ok is false as long as there is none.
func (w *Watermark) Offset() (next kgo.EpochOffset, ok bool) { return w.next, w.low > 0 }

// Outstanding is the number of records taken and not under the watermark.
func (w *Watermark) Outstanding() int { return int(w.high - w.low) }

// countCompletedAbove is the number of those that are finished. It looks at them all.
func (w *Watermark) countCompletedAbove() (finished int) {
	for seq := w.low; seq < w.high; seq++ {
		if w.ring[seq&uint64(len(w.ring)-1)].completed {
			finished++
		}
	}
	return finished
}

func (w *Watermark) growRing() {
	ring := make([]trackedRecord, max(firstRing, 2*len(w.ring)))
	for seq := w.low; seq < w.high; seq++ {
		ring[seq&uint64(len(ring)-1)] = w.ring[seq&uint64(len(w.ring)-1)]
	}
	w.ring = ring
}
