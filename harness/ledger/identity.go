package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
)

// IdentitySize is the length in bytes of the identity prefix, the smallest
// value a record of Stampede can have.
const IdentitySize = 40

const identityMagic = 0x53540001 // "ST", version 1, and between them the log, see [Identity.Log]

// Identity says which record a value is, wherever it travels: it is the fixed
// binary prefix of the value and stays unchanged through retry topics and
// re-encodings of the body.
type Identity struct {
	Run  uint64 // Run the record was sent in; another run's records are phantoms.
	Key  uint32 // Key is the index of the key in the scenario's distribution.
	Seq  uint32 // Seq counts the records of one key, dense from 0.
	Due  int64  // Due is when the schedule wanted it sent, ns on CLOCK_MONOTONIC.
	Sent int64  // Sent is when Produce was called, ns on CLOCK_MONOTONIC.
	// Log counts how often the source had been deleted and created again when the record was
	// sent. Positions of one log say nothing about another, see [PartitionInLog].
	Log uint8
}

// PartitionInLog is the number in the ledger of a partition of the source. The partitions of a
// topic that was deleted and created again are further ones: position (3, 17) of the old log and
// that of the new one have nothing in common. So no check needs to know that there were two.
func PartitionInLog(partition int32, log uint8, partitions int) int32 {
	return partition + int32(log)*int32(partitions)
}

// NoIdentity is the Key and the Seq of a record without an identity, or with that of
// another run. No record of the run has them, so they match nothing.
const NoIdentity = math.MaxUint32

// ErrNoIdentity is returned for a value without a whole, well-formed prefix:
// it was not made by Stampede. ErrChecksum is returned for a prefix or a body
// that was altered on the way.
var (
	ErrNoIdentity = errors.New("value has no identity prefix")
	ErrChecksum   = errors.New("checksum of the value does not hold")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode writes the prefix into the first IdentitySize bytes of value, whose
// rest is the body, and covers both with a checksum. It panics on a value
// shorter than the prefix, which is a programmer's error.
func (id Identity) Encode(value []byte) {
	_ = value[IdentitySize-1]
	binary.LittleEndian.PutUint32(value[0:], identityMagic|uint32(id.Log)<<8)
	binary.LittleEndian.PutUint64(value[8:], id.Run)
	binary.LittleEndian.PutUint32(value[16:], id.Key)
	binary.LittleEndian.PutUint32(value[20:], id.Seq)
	binary.LittleEndian.PutUint64(value[24:], uint64(id.Due))
	binary.LittleEndian.PutUint64(value[32:], uint64(id.Sent))
	binary.LittleEndian.PutUint32(value[4:], checksum(value))
}

// checksum covers all that follows it, and the log.
func checksum(value []byte) uint32 {
	return crc32.Checksum(value[8:], castagnoli) + uint32(value[1])
}

// DecodeIdentity reads the prefix of a value and verifies the checksum. With
// ErrChecksum it returns what the prefix says, which may be what was altered.
func DecodeIdentity(value []byte) (Identity, error) {
	if len(value) < IdentitySize || binary.LittleEndian.Uint32(value)&^(0xff<<8) != identityMagic {
		return Identity{}, fmt.Errorf("%d bytes: %w", len(value), ErrNoIdentity)
	}
	id := Identity{
		Run:  binary.LittleEndian.Uint64(value[8:]),
		Key:  binary.LittleEndian.Uint32(value[16:]),
		Seq:  binary.LittleEndian.Uint32(value[20:]),
		Due:  int64(binary.LittleEndian.Uint64(value[24:])),
		Sent: int64(binary.LittleEndian.Uint64(value[32:])),
		Log:  value[1],
	}
	if checksum(value) != binary.LittleEndian.Uint32(value[4:]) {
		return id, ErrChecksum
	}
	return id, nil
}

// MaxKeyLen is the length of the longest key in Kafka.
const MaxKeyLen = len("key-4294967295")

// AppendKey appends the key of a record as it goes to Kafka: "key-" and the index.
func AppendKey(to []byte, key uint32) []byte {
	return strconv.AppendUint(append(to, "key-"...), uint64(key), 10)
}

// IsKey reports whether bytes are the key of a record as it goes to Kafka. Each attempt
// asks: it compares from the last digit on and writes nothing.
func IsKey(bytes []byte, key uint32) bool {
	const prefix = "key-"
	if len(bytes) <= len(prefix) || string(bytes[:len(prefix)]) != prefix {
		return false
	}
	for i := len(bytes) - 1; i >= len(prefix) && bytes[i] == '0'+byte(key%10); i-- {
		if key /= 10; key == 0 {
			return i == len(prefix)
		}
	}
	return false
}
