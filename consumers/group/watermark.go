package group

import "github.com/twmb/franz-go/pkg/kgo"

// Watermark knows which offset of a partition may be committed while its records complete
// in any order: the one after the last record below which all records are completed.
//
// It counts the records in the order in which they were tracked. So gaps in the offsets
// (compaction, transaction markers) need no care. A client that goes back in the log
// takes the watermark back with it.
//
// The records from the lowest outstanding to the newest lie in a ring of 16 bytes each. A
// record costs no allocation once the ring has its size. The zero value is ready to
// use. Not safe for concurrent use.
//
// The idea is Confluent parallel-consumer's and that of selective acknowledgement:
// acknowledge the lowest gap, remember what is completed above it.
type Watermark struct {
	ring      []trackedRecord // a power of two long; ring[seq&mask]
	low, high uint64          // low is the lowest number not completed, high the next number
	next      kgo.EpochOffset
}

type trackedRecord struct {
	offset    int64
	epoch     int32
	completed bool
}

const minRing = 64

// Track notes a record by its offset and leader epoch, and returns its number. Numbers
// count from 0 without a gap.
func (w *Watermark) Track(offset int64, epoch int32) (seq uint64) {
	if w.Outstanding() == len(w.ring) {
		w.growRing()
	}
	seq = w.high
	w.high++
	w.ring[seq&uint64(len(w.ring)-1)] = trackedRecord{offset: offset, epoch: epoch}
	return seq
}

// Complete notes that record seq is completed. It is called once for each record, and
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

// Outstanding is the number of records tracked and not below the watermark.
func (w *Watermark) Outstanding() int { return int(w.high - w.low) }

// Highest is the offset after the newest record that is completed, with or without gaps
// below it; ok is false if no record is. Its time grows with Outstanding.
func (w *Watermark) Highest() (next int64, ok bool) {
	for seq := w.high; seq > w.low; seq-- {
		if t := &w.ring[(seq-1)&uint64(len(w.ring)-1)]; t.completed {
			return t.offset + 1, true
		}
	}
	return w.next.Offset, w.low > 0
}

// countCompletedAbove counts the completed records above the watermark. It reads them all.
func (w *Watermark) countCompletedAbove() (completed int) {
	for seq := w.low; seq < w.high; seq++ {
		if w.ring[seq&uint64(len(w.ring)-1)].completed {
			completed++
		}
	}
	return completed
}

// newestCompletedEpoch is the leader epoch of the newest completed record above the
// watermark, -1 without one.
func (w *Watermark) newestCompletedEpoch() int32 {
	for seq := w.high; seq > w.low; seq-- {
		if t := &w.ring[(seq-1)&uint64(len(w.ring)-1)]; t.completed {
			return t.epoch
		}
	}
	return -1
}

// appendCompleted appends the completed offsets from base on, above the watermark and of
// one epoch. It stops where the client went back in the log: an offset that is there
// twice may be completed once.
func (w *Watermark) appendCompleted(ranges []offsetRange, base int64, epoch int32) []offsetRange {
	before := base - 1
	for seq := w.low; seq < w.high; seq++ {
		t := &w.ring[seq&uint64(len(w.ring)-1)]
		if t.offset <= before {
			break
		}
		before = t.offset
		if t.completed && t.epoch == epoch {
			ranges = appendOffset(ranges, t.offset)
		}
	}
	return ranges
}

func (w *Watermark) growRing() {
	ring := make([]trackedRecord, max(minRing, 2*len(w.ring)))
	for seq := w.low; seq < w.high; seq++ {
		ring[seq&uint64(len(ring)-1)] = w.ring[seq&uint64(len(w.ring)-1)]
	}
	w.ring = ring
}
