package observe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logRecord is what the final read needs of a record. It is valid only during a call:
// the next record overwrites it.
type logRecord struct {
	partition     int32
	transactional bool
	offset        int64
	timestamp     int64  // ms of Unix time
	key, value    []byte // parts of a response
}

func recordOf(r *kgo.Record) logRecord {
	return logRecord{r.Partition, r.Attrs.IsTransactional(), r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value}
}

func (r *logRecord) time() time.Time { return time.UnixMilli(r.timestamp) }

// The head of a record batch of version 2, as Kafka writes it, big endian.
const (
	batchLengthAt     = 8  // of what follows
	batchLengthEnd    = 12 // where that begins
	batchMagicAt      = 16
	batchCRCAt        = 17
	batchSummedAt     = 21 // what the CRC-32C is of, to the end
	batchAttributesAt = 21
	batchLastDeltaAt  = 23
	batchFirstTimeAt  = 27
	batchMaxTimeAt    = 35
	batchNumberAt     = 57
	batchRecordsAt    = 61

	batchAppendTime = 1 << 3 // attribute: the time is the broker's, of all records
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errMalformed = errors.New("a record that cannot be read in a batch whose checksum holds")
)

// readPlainBatches calls emit for the records of the batches at the beginning of raw,
// from offset next on. It stops at the first batch that is not plain: whole, of version
// 2, not compressed, and neither in a transaction nor for control. It returns the rest
// and the next offset. The client would do the same for more than twice the cost.
func readPlainBatches(raw []byte, partition int32, next int64, emit func(*logRecord) error) (rest []byte, _ int64, _ error) {
	for {
		batch, rest := cutPlainBatch(raw)
		if batch == nil {
			return raw, next, nil
		}
		if err := readPlainRecords(batch, partition, next, emit); err != nil {
			return raw, next, err
		}
		last := int64(binary.BigEndian.Uint64(batch)) + int64(int32(binary.BigEndian.Uint32(batch[batchLastDeltaAt:])))
		raw, next = rest, max(next, last+1) // records at the end may have been compacted away
	}
}

// cutPlainBatch is the first batch of raw, nil if it is not plain, and the rest.
func cutPlainBatch(raw []byte) (batch, rest []byte) {
	if len(raw) < batchRecordsAt || raw[batchMagicAt] != 2 {
		return nil, raw
	}
	size := batchLengthEnd + int64(int32(binary.BigEndian.Uint32(raw[batchLengthAt:])))
	if size < batchRecordsAt || size > int64(len(raw)) {
		return nil, raw
	}
	batch = raw[:size]
	if binary.BigEndian.Uint16(batch[batchAttributesAt:])&^batchAppendTime != 0 ||
		binary.BigEndian.Uint32(batch[batchCRCAt:]) != crc32.Checksum(batch[batchSummedAt:], castagnoli) {
		return nil, raw
	}
	return batch, raw[size:]
}

// readPlainRecords calls emit for the records of a plain batch.
func readPlainRecords(batch []byte, partition int32, next int64, emit func(*logRecord) error) error {
	first := int64(binary.BigEndian.Uint64(batch))
	time, appended := int64(binary.BigEndian.Uint64(batch[batchFirstTimeAt:])), batch[batchAttributesAt+1]&batchAppendTime != 0
	if appended {
		time = int64(binary.BigEndian.Uint64(batch[batchMaxTimeAt:]))
	}
	left, r := batch[batchRecordsAt:], &logRecord{partition: partition}
	for range int32(binary.BigEndian.Uint32(batch[batchNumberAt:])) {
		length, n := binary.Varint(left)
		if n <= 0 || length < 1 || length > int64(len(left)-n) {
			return malformedBatch(partition, first)
		}
		body := left[n+1 : n+int(length)] // after the attributes, which are not used
		left = left[n+int(length):]
		timeDelta, n := binary.Varint(body)
		if n <= 0 {
			return malformedBatch(partition, first)
		}
		body = body[n:]
		offsetDelta, n := binary.Varint(body)
		if n <= 0 {
			return malformedBatch(partition, first)
		}
		key, body, ok := cutVarintBytes(body[n:])
		if !ok {
			return malformedBatch(partition, first)
		}
		value, _, ok := cutVarintBytes(body)
		if !ok {
			return malformedBatch(partition, first)
		}
		if r.offset, r.timestamp, r.key, r.value = first+offsetDelta, time, key, value; !appended {
			r.timestamp += timeDelta
		}
		if r.offset < next {
			continue // the request begins within the batch
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// cutVarintBytes cuts bytes with their length before them; a length of -1 is null.
func cutVarintBytes(raw []byte) (bytes, rest []byte, ok bool) {
	length, n := binary.Varint(raw)
	switch {
	case n <= 0 || length < -1 || length > int64(len(raw)-n):
		return nil, nil, false
	case length == -1:
		return nil, raw[n:], true
	}
	return raw[n : n+int(length)], raw[n+int(length):], true
}

func malformedBatch(partition int32, first int64) error {
	return permanentError{fmt.Errorf("partition %d, batch at offset %d: %w", partition, first, errMalformed)}
}
