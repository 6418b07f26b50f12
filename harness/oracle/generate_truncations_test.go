package oracle

import (
	"math"
	"slices"
	"time"
)

// truncate lets an unclean election cut off the end of a partition. For a while its owner works on, and commits,
// as if nothing had happened. Then the broker tells it, and it goes on where the log was cut. What the producer
// sends next lies at the offsets of the records that were cut off.
func (w *simulation) truncate(p *simPartition) {
	if p.place.Topic > 0 || p.owner == nil || p.place.Offset <= p.begins {
		return
	}
	w.quiet()
	w.now += 6 * time.Millisecond // all records have been acknowledged
	began, end := w.now, p.place.Offset
	from := p.begins + w.r.Int64N(end-p.begins)
	w.tick()
	w.facts.Truncations = append(w.facts.Truncations, Truncation{Partition: p.place.Partition, From: from, Began: began, Elected: w.tick()})
	w.tick()
	w.drain(p)
	w.cutOff(p, from)
	if p.next > from {
		p.next = from
		w.read(p, p.pass.trueAssignment, from, w.now)
	}
	p.fetched = -1
	p.cut, p.sought = min(p.cut, from), p.sought || p.committed > from
}

// cutOff removes the records of a partition from an offset on. The records that the producer has yet to send move.
// It sends no record again whose first copy was cut off: that would have come before the next record.
func (w *simulation) cutOff(p *simPartition, from int64) {
	gone, cut, kept := p.place.Offset-from, map[[2]uint32]bool{}, map[[2]uint32]bool{}
	for at, id := range w.ids {
		switch {
		case at.Topic != 0 || at.Partition != p.place.Partition:
		case at.Offset >= from:
			delete(w.ids, at)
			cut[id] = true
		default:
			kept[id] = true
		}
	}
	for at := range p.done {
		if at.Offset >= from {
			delete(p.done, at)
		}
	}
	p.records = slices.DeleteFunc(p.records, func(l *simRecord) bool { return l.place.Offset >= from })
	var unsent []sending
	for _, s := range w.unsent {
		if s.place.Partition == p.place.Partition {
			if id := [2]uint32{s.key, s.seq}; s.again && cut[id] && !kept[id] {
				gone++
				continue
			}
			s.place.Offset -= gone
		}
		unsent = append(unsent, s)
	}
	w.unsent = unsent
	p.place.Offset = from
}

// uncut is where a log was cut that was not cut.
const uncut = math.MaxInt64

// resume is where a new owner reads on. The broker tells it if the log was cut below the commit.
func (p *simPartition) resume() int64 { return min(p.committed, p.cut) }

// mayResumeAt is the lowest offset at which the log was cut before a member began its first record, if observers cannot exclude
// that the commit of an earlier time was of the log before that.
func (w *simulation) mayResumeAt(partition int32, committed, begun time.Duration) int64 {
	offset := int64(uncut)
	for _, t := range w.facts.Truncations {
		if t.Partition == partition && t.Began <= begun && committed <= t.Elected+w.facts.Session {
			offset = min(offset, t.From)
		}
	}
	return offset
}
