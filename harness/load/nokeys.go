package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/stampede-bench/stampede/harness"
)

// stickyBytes is how many bytes go to a partition before the next one, as with Kafka's own
// producer: its batch.size of 16 KiB, whatever its linger (KIP-794).
const stickyBytes = 16 << 10

// NoKeys sends records without a key, so that the producer chooses their partition: it sends
// some records in a row to one, and then chooses another at random (KIP-794). The key in a
// record's identity is its partition, so its sequence is that of the partition.
type NoKeys struct {
	Partitions int // Partitions of the topic. 0: not known yet, see [NoKeys.Of].
	Row        int // Row is how many records go to a partition in a row. 0: 1.
}

// Of implements [harness.Keyless].
func (NoKeys) Of(partitions, payload int) harness.Keys {
	return NoKeys{Partitions: partitions, Row: max(1, stickyBytes/max(1, payload))}
}

// Key implements [harness.Keys].
func (k NoKeys) Key(n uint64, _ *rand.Rand) uint32 {
	return uint32(mix(n/uint64(max(1, k.Row))) % uint64(k.Count()))
}

// Count implements [harness.Keys].
func (k NoKeys) Count() int { return max(1, k.Partitions) }

// String is the syntax of the command line.
func (NoKeys) String() string { return "none" }

// Validate refuses what is no number of partitions.
func (k NoKeys) Validate() error {
	if k.Partitions < 0 || k.Row < 0 {
		return fmt.Errorf("%d partitions, %d records in a row: want none below 0", k.Partitions, k.Row)
	}
	return nil
}

var _ harness.Keyless = NoKeys{}
