package observe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logRecord is what the final read wants to know of a record. It is valid during
// a call alone: one serves for many.
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

// plainBatches calls take for the records from offset next on of the batches at
// the beginning of raw that are plain: whole, of version 2, not compressed, and
// neither in a transaction nor for control. It returns what follows these and the
// next offset. The client would do the same, and more, for more than twice the
// cost.
func plainBatches(raw []byte, partition int32, next int64, take func(*logRecord) error) (rest []byte, _ int64, _ error) {
	for {
		batch, rest := cutPlain(raw)
		if batch == nil {
			return raw, next, nil
		}
		if err := plainRecords(batch, partition, next, take); err != nil {
			return raw, next, err
		}
		last := int64(binary.BigEndian.Uint64(batch)) + int64(int32(binary.BigEndian.Uint32(batch[batchLastDeltaAt:])))
		raw, next = rest, max(next, last+1) // records at the end may have been compacted away
	}
}

// cutPlain is the first batch of raw, nil if it is not plain, and what follows.
func cutPlain(raw []byte) (batch, rest []byte) {
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

// plainRecords calls take for the records of a plain batch.
func plainRecords(batch []byte, partition int32, next int64, take func(*logRecord) error) error {
	first := int64(binary.BigEndian.Uint64(batch))
	time, appended := int64(binary.BigEndian.Uint64(batch[batchFirstTimeAt:])), batch[batchAttributesAt+1]&batchAppendTime != 0
	if appended {
		time = int64(binary.BigEndian.Uint64(batch[batchMaxTimeAt:]))
	}
	left, r := batch[batchRecordsAt:], &logRecord{partition: partition}
	for range int32(binary.BigEndian.Uint32(batch[batchNumberAt:])) {
		length, n := binary.Varint(left)
		if n <= 0 || length < 1 || length > int64(len(left)-n) {
			return malformed(partition, first)
		}
		body := left[n+1 : n+int(length)] // after the attributes, which are unused
		left = left[n+int(length):]
		timeDelta, n := binary.Varint(body)
		if n <= 0 {
			return malformed(partition, first)
		}
		body = body[n:]
		offsetDelta, n := binary.Varint(body)
		if n <= 0 {
			return malformed(partition, first)
		}
		key, body, ok := varintBytes(body[n:])
		if !ok {
			return malformed(partition, first)
		}
		value, _, ok := varintBytes(body)
		if !ok {
			return malformed(partition, first)
		}
		if r.offset, r.timestamp, r.key, r.value = first+offsetDelta, time, key, value; !appended {
			r.timestamp += timeDelta
		}
		if r.offset < next {
			continue // what was asked for begins within the batch
		}
		if err := take(r); err != nil {
			return err
		}
	}
	return nil
}

// varintBytes cuts bytes behind their length; a length of -1 is null.
func varintBytes(raw []byte) (bytes, rest []byte, ok bool) {
	length, n := binary.Varint(raw)
	switch {
	case n <= 0 || length < -1 || length > int64(len(raw)-n):
		return nil, nil, false
	case length == -1:
		return nil, raw[n:], true
	}
	return raw[n : n+int(length)], raw[n+int(length):], true
}

func malformed(partition int32, first int64) error {
	return hopelessError{fmt.Errorf("partition %d, batch at offset %d: %w", partition, first, errMalformed)}
}
