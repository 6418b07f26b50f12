package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kgo"
)

// keysSyntax shows what [ParseKeys] reads.
const keysSyntax = "uniform:20000 (keys), zipf:1.1/10000 (exponent/keys), hot:0.2/1/10000 (fraction/hot keys/others) or none"

// MaxKeys limits the number of keys: producer and oracle keep a counter for each.
const MaxKeys = 1 << 28

// Uniform draws each of N keys as often as any other.
type Uniform struct {
	N int // N keys, above zero.
}

// Key implements [harness.Keys].
func (u Uniform) Key(_ uint64, r *rand.Rand) uint32 { return r.Uint32N(uint32(u.N)) }

// Count implements [harness.Keys].
func (u Uniform) Count() int { return u.N }

func (u Uniform) String() string { return fmt.Sprintf("uniform:%d", u.N) }

// Validate refuses a number of keys that is not above zero, or absurd.
func (u Uniform) Validate() error { return checkCount("keys", u.N) }

// Hot gives a fraction of the records to a few hot keys and the rest to the others.
// Within both groups keys are uniform. The hot keys are the lowest.
type Hot struct {
	Fraction float64 // Fraction is the fraction of records with a hot key, in (0,1).
	Hot      int     // Hot is the number of hot keys, above zero.
	Others   int     // Others is the number of other keys, above zero.
}

// Key implements [harness.Keys].
func (h Hot) Key(_ uint64, r *rand.Rand) uint32 {
	if r.Float64() < h.Fraction {
		return r.Uint32N(uint32(h.Hot))
	}
	return uint32(h.Hot) + r.Uint32N(uint32(h.Others))
}

// Count implements [harness.Keys].
func (h Hot) Count() int { return h.Hot + h.Others }

// Heavy implements [harness.Heavy].
func (h Hot) Heavy() (keys []uint32) {
	if each := h.Fraction / float64(h.Hot); isHeavy(each, h.Count()) {
		for k := range h.Hot {
			keys = append(keys, uint32(k))
		}
	}
	return keys
}

// isHeavy reports whether a key with this fraction of the records has far more than
// most keys.
func isHeavy(fraction float64, keys int) bool {
	return fraction >= 0.01 && fraction*float64(keys) >= 10
}

func (h Hot) String() string { return fmt.Sprintf("hot:%v/%d/%d", h.Fraction, h.Hot, h.Others) }

// Validate refuses a fraction outside of (0,1), and a group without keys.
func (h Hot) Validate() error {
	if !(h.Fraction > 0 && h.Fraction < 1) {
		return fmt.Errorf("fraction of the hot keys of %v: want it between 0 and 1", h.Fraction)
	}
	if err := checkCount("hot keys", h.Hot); err != nil {
		return err
	}
	if err := checkCount("other keys", h.Others); err != nil {
		return err
	}
	return checkCount("keys", h.Hot+h.Others)
}

func checkCount(what string, n int) error {
	if n <= 0 || n > MaxKeys {
		return fmt.Errorf("%d %s: want 1 to %d", n, what, MaxKeys)
	}
	return nil
}

// ParseKeys reads a distribution of keys as the command line and String write it.
func ParseKeys(s string) (harness.Keys, error) {
	keys, err := parseKeys(s)
	if err != nil {
		return nil, fmt.Errorf("keys %q: %w; write %s", s, err, keysSyntax)
	}
	return keys, nil
}

func parseKeys(s string) (harness.Keys, error) {
	if none := (NoKeys{}); s == none.String() {
		return none, nil
	}
	kind, rest, _ := strings.Cut(s, ":")
	parts := strings.Split(rest, "/")
	want := map[string]int{"uniform": 1, "zipf": 2, "hot": 3}[kind]
	if want == 0 {
		return nil, fmt.Errorf("unknown distribution %q", kind)
	}
	if len(parts) != want {
		return nil, fmt.Errorf("%s takes %d numbers, not %d", kind, want, len(parts))
	}
	var x float64 // the exponent, or the fraction of the hot keys
	var err error
	if kind != "uniform" {
		if x, err = strconv.ParseFloat(parts[0], 64); err != nil || math.IsNaN(x) {
			return nil, fmt.Errorf("%q is not a number", parts[0])
		}
		parts = parts[1:]
	}
	var n [2]int
	for i, p := range parts {
		if n[i], err = strconv.Atoi(p); err != nil {
			return nil, fmt.Errorf("%q is not a whole number", p)
		}
	}
	switch kind {
	case "zipf":
		z, err := newZipf(x, n[0])
		return z, err
	case "hot":
		h := Hot{Fraction: x, Hot: n[0], Others: n[1]}
		return h, h.Validate()
	default:
		u := Uniform{N: n[0]}
		return u, u.Validate()
	}
}

// KeyBytes is the key of a record in Kafka: see [ledger.AppendKey].
func KeyBytes(key uint32) []byte { return ledger.AppendKey(nil, key) }

// partitioner is the producer's, Kafka's default: by the hash of the key.
var partitioner = kgo.StickyKeyPartitioner(nil)

// partitionerOf is the partitioner of a load. That of records without a key uses the partition
// that they have.
func partitionerOf(l *harness.Load) kgo.Partitioner {
	if l.HasKeys() {
		return partitioner
	}
	return kgo.ManualPartitioner()
}

var byKey = partitioner.ForTopic("") // it has no state for records with a key

// PartitionOf is the partition of a source topic that has the records of a key.
func PartitionOf(key uint32, partitions int) int {
	return byKey.Partition(&kgo.Record{Key: KeyBytes(key)}, partitions)
}
