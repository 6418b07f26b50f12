package oracle

import (
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Log is what the final read found: which record lies at which position. For each position it keeps a hash of
// two bytes. The hash takes one record for another in one case of 65,535. Of side topics, which have few
// records, it keeps where each copy came from.
type Log struct {
	topics   [][]offsetSlice[uint16] // topics are by topic, partition and offset.
	n        int64                   // n counts the records of the source.
	sequence logSequence
	copies   map[uint64]*loggedCopies
	order    []*loggedCopies                   // order has the copies in the order in which they were added.
	repeated map[ledger.Position]*loggedCopies // repeated are copied records that lie in the source several times, by each of their positions there.
}

// loggedCopies is a record with copies in side topics.
type loggedCopies struct {
	key, seq uint32
	origin   ledger.Position   // origin is the first position in the source; its Offset is -1 if the source never had the record.
	again    []ledger.Position // again are its further positions in the source.
	copies   []ledger.Position // copies are by topic, in the order of each partition.
}

// NewLog is an empty log.
func NewLog() *Log {
	return &Log{copies: map[uint64]*loggedCopies{}, repeated: map[ledger.Position]*loggedCopies{}}
}

// MoveKeys says that partitions were added, so that the records of a key may lie in several. Call it before the
// first record.
func (l *Log) MoveKeys() { l.sequence.next.moving = true }

func recordID(key, seq uint32) uint64 { return uint64(key)<<32 | uint64(seq) }

// AddAll adds the records that slots of the final read stand for, in their order.
func (l *Log) AddAll(slots []ledger.Slot) {
	for ; len(slots) > 0; slots = slots[min(prefetchedRecords, len(slots)):] {
		some := slots[:min(prefetchedRecords, len(slots))]
		l.sequence.prefetchKeys(some)
		for i := range some {
			if s := &some[i]; s.Kind() == ledger.KindAppended || s.Kind() == ledger.KindCopied {
				l.addRecord(s.Position(), s.Key(), s.Seq())
			}
		}
	}
}

// prefetchedRecords is how many records have the states of their keys prefetched together.
const prefetchedRecords = 64

// addRecord notes that the record (key, seq) lies at p. Positions of a partition come in the order of the log
// and may have gaps. Side topics come before the source.
func (l *Log) addRecord(p ledger.Position, key, seq uint32) {
	lies := l.growPartition(p).placeAt(p.Offset)
	if p.Topic > 0 {
		l.addCopy(p, key, seq)
	} else {
		if *lies == 0 {
			l.n++
		}
		l.sequence.addNext(p, key, seq)
		if len(l.copies) > 0 {
			l.addToSource(p, key, seq)
		}
	}
	*lies = recordMark(key, seq)
}

// growPartition is the partition of a position. It adds the partition if the log does not have it.
func (l *Log) growPartition(p ledger.Position) *offsetSlice[uint16] {
	if int(p.Topic) < len(l.topics) && int(p.Partition) < len(l.topics[p.Topic]) {
		return &l.topics[p.Topic][p.Partition]
	}
	for int(p.Topic) >= len(l.topics) {
		l.topics = append(l.topics, nil)
	}
	for int(p.Partition) >= len(l.topics[p.Topic]) {
		l.topics[p.Topic] = append(l.topics[p.Topic], offsetSlice[uint16]{})
	}
	return &l.topics[p.Topic][p.Partition]
}

// addToSource notes where a record with copies lies in the source.
func (l *Log) addToSource(p ledger.Position, key, seq uint32) {
	switch c := l.copies[recordID(key, seq)]; {
	case c == nil:
	case c.origin.Offset < 0:
		c.origin = p
	default:
		c.again = append(c.again, p)
		l.repeated[c.origin], l.repeated[p] = c, c
	}
}

func (l *Log) addCopy(p ledger.Position, key, seq uint32) {
	c := l.copies[recordID(key, seq)]
	if c == nil {
		c = &loggedCopies{key: key, seq: seq, origin: ledger.Position{Offset: -1}}
		l.copies[recordID(key, seq)] = c
		l.order = append(l.order, c)
	}
	c.copies = append(c.copies, p)
}

// originOf is the first position in the source of a copy's record. The offset is -1 if the final read did not
// find the record there.
func (l *Log) originOf(key, seq uint32) (partition int32, offset int64) {
	if c := l.copies[recordID(key, seq)]; c != nil {
		return c.origin.Partition, c.origin.Offset
	}
	return 0, -1
}

// copiesByOrigin are the copied records by their first position in the source.
func (l *Log) copiesByOrigin() map[ledger.Position]*loggedCopies {
	origins := make(map[ledger.Position]*loggedCopies, len(l.order))
	for _, c := range l.order {
		if c.origin.Offset >= 0 {
			origins[c.origin] = c
		}
	}
	return origins
}

// firstPosition is the first position of the record at a position of the source. It is p itself, except for
// records that have copies and lie in the source twice.
func (l *Log) firstPosition(p ledger.Position) ledger.Position {
	if c, ok := l.repeated[p]; ok {
		return c.origin
	}
	return p
}

// furtherPositions are the positions of a copied record in the source but the first.
func (l *Log) furtherPositions(key, seq uint32) []ledger.Position {
	if len(l.repeated) == 0 {
		return nil
	}
	if c := l.copies[recordID(key, seq)]; c != nil {
		return c.again
	}
	return nil
}

// samePositions are all positions in the source of the record at one of them, if it has copies and more than one.
func (l *Log) samePositions(p ledger.Position) []ledger.Position {
	if len(l.repeated) == 0 {
		return nil
	}
	if c, ok := l.repeated[p]; ok {
		return append(c.again[:len(c.again):len(c.again)], c.origin)
	}
	return nil
}

// recordMark hashes a record to a number above zero.
func recordMark(key, seq uint32) uint16 {
	x := recordID(key, seq)
	x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	return max(1, uint16(x>>48))
}

// isAppended reports whether any record lies at p.
func (l *Log) isAppended(p ledger.Position) bool {
	return l.markAt(p.Topic, p.Partition, p.Offset) != 0
}

// holdsRecord reports whether the record (key, seq) lies at a position.
func (l *Log) holdsRecord(topic uint16, partition int32, offset int64, key, seq uint32) bool {
	return l.markAt(topic, partition, offset) == recordMark(key, seq)
}

func (l *Log) markAt(topic uint16, partition int32, offset int64) uint16 {
	if int(topic) >= len(l.topics) {
		return 0
	}
	if parts := l.topics[topic]; uint(partition) < uint(len(parts)) {
		return parts[partition].valueAt(offset)
	}
	return 0
}

// endOffset is one past the last appended offset of a partition.
func (l *Log) endOffset(topic uint16, partition int32) int64 {
	if int(topic) >= len(l.topics) || int(partition) >= len(l.topics[topic]) {
		return 0
	}
	return l.topics[topic][partition].end
}

// Len is the number of records of the source.
func (l *Log) Len() int64 { return l.n }
