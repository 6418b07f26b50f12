package observe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// madeBatch is a batch of up to five records from offset first on, with gaps as
// compaction leaves them, and the offset behind it.
func madeBatch(r *rand.Rand, first int64, attributes int16) (raw []byte, next int64) {
	b := kmsg.RecordBatch{
		FirstOffset: first, Magic: 2, Attributes: attributes, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		FirstTimestamp: 1_700_000_000_000 + r.Int64N(1000), MaxTimestamp: 1_700_000_002_000,
	}
	offset := int32(0)
	for range r.IntN(6) {
		if r.IntN(4) == 0 {
			offset += r.Int32N(3)
		}
		record := kmsg.Record{TimestampDelta64: r.Int64N(1000) - 100, OffsetDelta: offset}
		if r.IntN(3) > 0 {
			record.Key = []byte("key-7")
		}
		if r.IntN(5) > 0 {
			record.Value = make([]byte, r.IntN(300))
		}
		for range r.IntN(3) {
			record.Headers = append(record.Headers, kmsg.Header{Key: "h", Value: []byte("v")})
		}
		record.Length = int32(len(record.AppendTo(nil)) - 1) // the length 0 is a byte
		b.Records = record.AppendTo(b.Records)
		b.NumRecords++
		offset++
	}
	b.LastOffsetDelta = max(offset-1, 0) + r.Int32N(2)
	b.Length = int32(len(b.AppendTo(nil)) - batchLengthEnd)
	raw = b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[batchCRCAt:], crc32.Checksum(raw[batchSummedAt:], castagnoli))
	return raw, first + int64(b.LastOffsetDelta) + 1
}

// What is read of a response is what the client would read of it, wherever in it
// plain batches end.
func TestPlainBatchesAsTheClient(t *testing.T) {
	r, plain := rand.New(rand.NewPCG(3, 1)), 0
	for n := range 2000 {
		var raw []byte
		first := r.Int64N(1000)
		asked := first + r.Int64N(4)
		for range r.IntN(6) {
			attributes := int16(0)
			switch r.IntN(8) {
			case 0:
				attributes = 0x10 // in a transaction
			case 1:
				attributes = 0x20 // for control
			case 2, 3:
				attributes = batchAppendTime
			}
			var batch []byte
			batch, first = madeBatch(r, first, attributes)
			raw = append(raw, batch...)
		}
		if r.IntN(2) == 0 { // a response may end within a batch
			raw = raw[:len(raw)-min(len(raw), r.IntN(100))]
		}
		want := &logReader{topic: "t", ends: []int64{1 << 40}, next: []int64{asked}}
		var wanted, got []logRecord
		collect := func(into *[]logRecord) func(*logRecord) error {
			return func(r *logRecord) error { *into = append(*into, *r); return nil }
		}
		wantErr := want.acceptOtherBatches(&kmsg.FetchResponseTopicPartition{RecordBatches: bytes.Clone(raw)}, &recordArena{}, collect(&wanted))
		l := &logReader{topic: "t", ends: []int64{1 << 40}, next: []int64{asked}, emit: collect(&got)}
		gotErr := l.acceptResponse(&kmsg.FetchResponseTopicPartition{RecordBatches: raw}, &recordArena{})
		if (wantErr == nil) != (gotErr == nil) || l.next[0] != want.next[0] || len(got) != len(wanted) {
			t.Fatalf("response %d: %d records, next %d (%v); the client has %d, next %d (%v)", n, len(got), l.next[0], gotErr, len(wanted), want.next[0], wantErr)
		}
		for i := range got {
			g, w := &got[i], &wanted[i]
			if g.offset != w.offset || g.timestamp != w.timestamp || g.transactional != w.transactional || !bytes.Equal(g.value, w.value) {
				t.Fatalf("response %d, record %d: %+v, the client has %+v", n, i, *g, *w)
			}
		}
		if rest, _, _ := readPlainBatches(raw, 0, asked, func(*logRecord) error { plain++; return nil }); len(rest) > len(raw) {
			t.Fatal("more is left than there was")
		}
	}
	if plain < 2000 {
		t.Errorf("only %d records were in plain batches", plain)
	}
}

func TestDamagedBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	var raw []byte
	for len(raw) < 200 {
		raw, _ = madeBatch(r, 0, 0)
	}
	none := func(*logRecord) error { t.Error("a record was taken"); return nil }
	flipped := bytes.Clone(raw)
	flipped[len(raw)-1] ^= 1
	l := &logReader{topic: "t", ends: []int64{10}, next: []int64{0}, emit: none}
	if err := l.acceptResponse(&kmsg.FetchResponseTopicPartition{RecordBatches: flipped}, &recordArena{}); !errors.As(err, new(permanentError)) {
		t.Errorf("a checksum that does not hold: %v", err)
	}
	torn := bytes.Clone(raw)
	torn[batchRecordsAt], torn[batchRecordsAt+1] = 0xff, 0xff // a record that is longer than all
	binary.BigEndian.PutUint32(torn[batchCRCAt:], crc32.Checksum(torn[batchSummedAt:], castagnoli))
	if err := l.acceptResponse(&kmsg.FetchResponseTopicPartition{RecordBatches: torn}, &recordArena{}); !errors.Is(err, errMalformed) {
		t.Errorf("a record that cannot be read: %v", err)
	}
}

// FuzzPlainBatches gives arbitrary bytes, with a checksum that holds, to the
// reader of batches.
func FuzzPlainBatches(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 1))
	for range 20 {
		raw, _ := madeBatch(r, 5, 0)
		f.Add(raw, int64(5))
	}
	f.Fuzz(func(t *testing.T, raw []byte, next int64) {
		if len(raw) > batchSummedAt {
			binary.BigEndian.PutUint32(raw[batchCRCAt:], crc32.Checksum(raw[batchSummedAt:], castagnoli))
		}
		for _, isolation := range []kgo.IsolationLevel{kgo.ReadUncommitted(), kgo.ReadCommitted()} {
			l := &logReader{topic: "t", ends: []int64{1 << 40}, next: []int64{next}, isolation: isolation, decompressor: kgo.DefaultDecompressor(), emit: func(r *logRecord) error {
				if r.offset < next || len(r.value) > len(raw) {
					t.Fatalf("%+v of a response from %d on", r, next)
				}
				return nil
			}}
			_ = l.acceptResponse(&kmsg.FetchResponseTopicPartition{RecordBatches: bytes.Clone(raw)}, &recordArena{})
			if l.next[0] < next {
				t.Fatalf("from %d back to %d", next, l.next[0])
			}
		}
	})
}
