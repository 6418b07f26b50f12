package load

import (
	"context"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kgo"
)

// defaultPayload is the length of a value where the load names none.
const defaultPayload = 200

// slabRecords is how many records share one allocation. A slab is garbage when
// the last of them is done.
const slabRecords = 512

// sending is a record on its way and its slot in the journal. It travels as the
// record's own context, which kgo hands back with the outcome: so no record
// needs a closure of its own. It never ends.
type sending struct {
	context.Context
	slot   *ledger.Slot
	record kgo.Record
}

// slabs makes records and their bytes many at a time.
type slabs struct {
	value   int    // length of a value
	filler  []byte // what bodies are cut from
	records []sending
	bytes   []byte
}

// maxKeyLen is the length of the longest key.
const maxKeyLen = len("key-4294967295")

// newSlabs prepares bodies from the seed.
func newSlabs(payload int, seed uint64) *slabs {
	if payload == 0 {
		payload = defaultPayload
	}
	value := max(payload, ledger.IdentitySize)
	return &slabs{value: value, filler: filler(value, seed)}
}

// next is the n-th record, with its key and its body; the identity prefix is
// still to be written.
func (s *slabs) next(n uint64, key uint32) *sending {
	if len(s.records) == 0 {
		s.records = make([]sending, slabRecords)
		s.bytes = make([]byte, 0, slabRecords*(maxKeyLen+s.value))
	}
	next := &s.records[0]
	s.records = s.records[1:]
	next.Context = context.Background()

	from := len(s.bytes)
	s.bytes = appendKey(s.bytes, key)
	body := len(s.bytes)
	s.bytes = s.bytes[:body+s.value]
	next.record.Key = s.bytes[from:body:body]
	next.record.Value = s.bytes[body:len(s.bytes):len(s.bytes)]
	at := int(mix(n) % fillerOffsets)
	copy(next.record.Value[ledger.IdentitySize:], s.filler[at:])
	return next
}

// fillerOffsets is the number of places in the filler where a body may begin.
const fillerOffsets = 64 << 10

// filler is bytes of which every other eight are random and those between are
// not, so that a codec finds about half of a body to squeeze, as in real
// payloads.
func filler(value int, seed uint64) []byte {
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
