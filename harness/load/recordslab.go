package load

import (
	"context"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kgo"
)

// defaultPayload is the length of a value where the load names none.
const defaultPayload = 200

// slabRecords is how many records share one allocation.
const slabRecords = 512

// sending is a record on its way and what the journal will say of it. It travels
// as the record's own context, which kgo hands back with the outcome: so no
// record needs a closure of its own. It never ends.
type sending struct {
	record    kgo.Record
	due, sent int64
	key, seq  uint32
	pending   bool // pending: handed to the client, and no outcome yet
	context.Context
}

// journalSlot is the sending as a fact without an outcome.
func (s *sending) journalSlot() ledger.Slot {
	slot := ledger.NewSlot(ledger.KindSend, 0)
	slot.SetRecord(ledger.Identity{Key: s.key, Seq: s.seq, Due: s.due, Sent: s.sent})
	return slot
}

// recordSlabs makes records and their bytes many at a time, and uses those again that
// are done: as many are made as were ever under way at once.
type recordSlabs struct {
	value  int    // length of a value
	filler []byte // what bodies are cut from
	free   []*sending
	all    [][]sending
	warmed uint64 // warmed is of no meaning: it keeps the reads of warm from being left out
}

// newRecordSlabs prepares bodies from the seed.
func newRecordSlabs(payload int, seed uint64) *recordSlabs {
	if payload == 0 {
		payload = defaultPayload
	}
	value := max(payload, ledger.IdentitySize)
	return &recordSlabs{value: value, filler: makeFiller(value, seed)}
}

// nextRecord is the n-th record, with its key and its body; the identity prefix is
// still to be written.
func (s *recordSlabs) nextRecord(n uint64, key uint32) *sending {
	if len(s.free) == 0 {
		s.addSlab()
	}
	last := len(s.free) - 1
	next := s.free[last]
	s.free = s.free[:last]
	next.record.Key = ledger.AppendKey(next.record.Key[:0], key)
	at := int(mix(n) % fillerOffsets)
	copy(next.record.Value[ledger.IdentitySize:], s.filler[at:])
	return next
}

// takeBack takes records back that are done, and returns room for others.
func (s *recordSlabs) takeBack(done []*sending) []*sending {
	if len(s.free) == 0 {
		s.free, done = done, s.free
	} else {
		s.free = append(s.free, done...)
	}
	return done[:0]
}

// eachPending are the records handed to the client that have no outcome.
func (s *recordSlabs) eachPending(fn func(*sending)) {
	for _, slab := range s.all {
		for i := range slab {
			if slab[i].pending {
				fn(&slab[i])
			}
		}
	}
}

// warmCaches reads a little of each of the n records that go out next. Another
// processor wrote them last, and to wait for its cache a record at a time was a
// quarter of the cost of a send; in a row the waits overlap.
func (s *recordSlabs) warmCaches(n int) {
	for _, next := range s.free[max(0, len(s.free)-n):] {
		r := &next.record
		s.warmed += uint64(len(r.Key)) + uint64(r.Partition) + uint64(next.seq) + uint64(r.Value[0]) + uint64(r.Value[len(r.Value)-1])
	}
}

func (s *recordSlabs) addSlab() {
	records, size := make([]sending, slabRecords), ledger.MaxKeyLen+s.value
	s.all = append(s.all, records)
	bytes := make([]byte, slabRecords*size)
	for i := range records {
		next, at := &records[i], bytes[i*size:(i+1)*size]
		next.Context = context.Background()
		next.record.Context = next
		next.record.Key, next.record.Value = at[:0:ledger.MaxKeyLen], at[ledger.MaxKeyLen:]
		s.free = append(s.free, next)
	}
}

// fillerOffsets is the number of places in the filler where a body may begin.
const fillerOffsets = 64 << 10

// makeFiller is bytes of which every other eight are random and those between are
// not, so that a codec finds about half of a body to squeeze, as in real
// payloads.
func makeFiller(value int, seed uint64) []byte {
	b := make([]byte, fillerOffsets+value+8)
	for i := 0; i+16 <= len(b); i += 16 {
		r := mix(seed + uint64(i))
		for k := range 8 {
			b[i+k] = byte(r >> (8 * k))
		}
		copy(b[i+8:], "stampede")
	}
	return b
}
