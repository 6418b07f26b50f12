package load

import (
	"cmp"
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kgo"
)

// defaultPayload is the default length of a value.
const defaultPayload = 200

// slabRecords is the number of records of one allocation.
const slabRecords = 512

// sending is a sent record with the fields of its journal slot. It is the record's own
// context, which kgo returns with the outcome, so that no record needs a closure. The
// context never ends.
type sending struct {
	record    kgo.Record
	due, sent int64
	key, seq  uint32
	log       uint8
	room      []byte // room is what the slab has for the value.
	pending   bool   // pending: the client has it, and it has no outcome yet.
	context.Context
}

// journalSlot returns the slot of the send, without an outcome.
func (s *sending) journalSlot() ledger.Slot {
	slot := ledger.NewSlot(ledger.KindSend, 0)
	slot.SetRecord(&ledger.Identity{Key: s.key, Seq: s.seq, Due: s.due, Sent: s.sent})
	return slot
}

// recordSlabs allocates records and their bytes many at a time, and reuses completed
// records. It allocates as many records as were ever in flight at once.
type recordSlabs struct {
	mean    int           // mean is the length of a value, or of all on average.
	value   int           // value is for how many bytes of a value a slab has room.
	seed    uint64        // seed decides sizes.
	sizes   harness.Sizes // sizes is nil if all values have one length.
	keyless bool          // keyless: the key is the partition, and the record has none.
	filler  []byte        // the bytes that bodies are copied from
	free    []*sending
	all     [][]sending
	warmed  uint64 // warmed means nothing: the compiler must keep the reads of warmCaches.
}

// newRecordSlabs makes the bodies from the seed.
func newRecordSlabs(l *harness.Load, seed uint64) *recordSlabs {
	mean := max(cmp.Or(l.Payload, defaultPayload), ledger.IdentitySize)
	s := &recordSlabs{mean: mean, value: mean, seed: seed, sizes: l.Sizes}
	longest := mean
	if s.sizes != nil {
		longest = s.sizes.Max()
		s.value = min(longest, roomyValues*mean)
	}
	s.filler = makeFiller(longest, seed)
	return s
}

// roomyValues is how many times the mean a slab has room for. A longer value is allocated when
// it is sent, so that few long values do not make all records large.
const roomyValues = 2

// cutValue gives a record a value of this length.
func (s *recordSlabs) cutValue(next *sending, size int) {
	if size <= len(next.room) {
		next.record.Value = next.room[:size:size]
		return
	}
	next.record.Value = make([]byte, size)
}

// nextRecord returns the n-th record with its key and its body. The caller writes the
// identity in front of the body.
func (s *recordSlabs) nextRecord(n uint64, key uint32) *sending {
	if len(s.free) == 0 {
		s.addSlab()
	}
	last := len(s.free) - 1
	next := s.free[last]
	s.free = s.free[:last]
	if s.keyless {
		next.record.Partition = int32(key)
	} else {
		next.record.Key = ledger.AppendKey(next.record.Key[:0], key)
	}
	if s.sizes != nil {
		s.cutValue(next, s.sizes.Size(n, s.seed))
	}
	at := int(mix(n) % fillerOffsets)
	copy(next.record.Value[ledger.IdentitySize:], s.filler[at:])
	return next
}

// takeBack takes completed records back, and returns an empty slice for others.
func (s *recordSlabs) takeBack(done []*sending) []*sending {
	if len(s.free) == 0 {
		s.free, done = done, s.free
	} else {
		s.free = append(s.free, done...)
	}
	return done[:0]
}

// eachPending calls fn for each record without an outcome.
func (s *recordSlabs) eachPending(fn func(*sending)) {
	for _, slab := range s.all {
		for i := range slab {
			if slab[i].pending {
				fn(&slab[i])
			}
		}
	}
}

// warmCaches reads a little of each of the n next records. Another processor wrote them
// last, and to wait for its cache record by record was a quarter of the cost of a send.
// Reads in a row overlap their waits.
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
		next.record.Key, next.room = at[:0:ledger.MaxKeyLen], at[ledger.MaxKeyLen:]
		next.record.Value = next.room
		s.free = append(s.free, next)
	}
}

// fillerOffsets is the number of offsets in the filler where a body may begin.
const fillerOffsets = 64 << 10

// makeFiller makes bytes in groups of eight, random and constant in turn. Like a real
// payload, a body compresses to about half of its size.
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
