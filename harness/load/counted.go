package load

import (
	"fmt"
	"math/rand/v2"
	"sort"

	"github.com/stampede-bench/stampede/harness"
)

// KeyRun is a number of keys that have the same share of the records.
type KeyRun struct {
	Keys    int    // Keys is above zero.
	Records uint64 // Records of all of them, above zero.
}

// CountedKeys draws keys without replacement from a multiset: in as many records as it
// has, each key occurs as often as it counts, in an order that the seed of the run decides. Longer
// loads begin again in another order. So a load has the shares that were counted,
// and no noise on top of theirs.
type CountedKeys struct {
	ends  []uint64 // ends has the records up to the end of each run.
	first []int    // first has the first rank of each run, from 0.
	runs  []KeyRun
	order shuffle
	seed  uint64
	index []uint32 // index of the key of each rank
	count int
	text  string
}

// NewCountedKeys makes keys of runs, the hottest first. index says which key has which rank, nil
// for the rank itself. text is their description.
func NewCountedKeys(runs []KeyRun, index []uint32, text string) (*CountedKeys, error) {
	k := &CountedKeys{runs: runs, index: index, text: text}
	ranks, records := 0, uint64(0)
	for i, r := range runs {
		if r.Keys <= 0 || r.Records == 0 {
			return nil, fmt.Errorf("run %d: %d keys with %d records: want both above zero", i, r.Keys, r.Records)
		}
		k.first = append(k.first, ranks)
		ranks, records = ranks+r.Keys, records+r.Records
		k.ends = append(k.ends, records)
		if err := checkCount("keys", ranks); err != nil {
			return nil, err
		}
	}
	if records == 0 || index != nil && len(index) != ranks {
		return nil, fmt.Errorf("%d keys with %d records, and %d indexes", ranks, records, len(index))
	}
	k.order, k.count = newShuffle(records), ranks
	for _, i := range index {
		k.count = max(k.count, int(i)+1)
	}
	return k, checkCount("keys", k.count)
}

// WithSeed implements [harness.Seeded].
func (k *CountedKeys) WithSeed(seed uint64) harness.Keys {
	seeded := *k
	seeded.seed = seed
	return &seeded
}

// Key implements [harness.Keys]. It needs no random numbers: the order is the seed's.
func (k *CountedKeys) Key(n uint64, _ *rand.Rand) uint32 {
	at := k.order.at(n, k.seed^keySalt)
	i := sort.Search(len(k.ends), func(i int) bool { return at < k.ends[i] })
	before := k.ends[i] - k.runs[i].Records
	return k.keyOf(k.first[i] + int((at-before)%uint64(k.runs[i].Keys)))
}

func (k *CountedKeys) keyOf(rank int) uint32 {
	if k.index == nil {
		return uint32(rank)
	}
	return k.index[rank]
}

// Count implements [harness.Keys]. Some keys below it may have no records.
func (k *CountedKeys) Count() int { return k.count }

// Heavy implements [harness.Heavy].
func (k *CountedKeys) Heavy() (keys []uint32) {
	ranks := k.first[len(k.first)-1] + k.runs[len(k.runs)-1].Keys
	for i, r := range k.runs {
		if !isHeavy(float64(r.Records)/float64(r.Keys)/float64(k.order.n), ranks) {
			break
		}
		for rank := range r.Keys {
			keys = append(keys, k.keyOf(k.first[i]+rank))
		}
	}
	return keys
}

func (k *CountedKeys) String() string { return k.text }

// SizeRun is a number of values with the same length.
type SizeRun struct {
	Bytes   int
	Records uint64 // Records is above zero.
}

// CountedSizes draws lengths without replacement, as [CountedKeys] does keys.
type CountedSizes struct {
	runs  []SizeRun
	ends  []uint64
	order shuffle
	max   int
	mean  float64
	text  string
}

// NewCountedSizes makes lengths of runs. text is their description.
func NewCountedSizes(runs []SizeRun, text string) (*CountedSizes, error) {
	s := &CountedSizes{runs: runs, text: text}
	records := uint64(0)
	for _, r := range runs {
		if r.Bytes < 0 || r.Records == 0 {
			return nil, fmt.Errorf("%d values of %d bytes: want neither 0 values nor a length below 0", r.Records, r.Bytes)
		}
		records += r.Records
		s.ends = append(s.ends, records)
		s.max = max(s.max, r.Bytes)
		s.mean += float64(r.Bytes) * float64(r.Records)
	}
	if records == 0 {
		return nil, fmt.Errorf("no lengths of values")
	}
	s.order, s.mean = newShuffle(records), s.mean/float64(records)
	return s, nil
}

// The salts keep the order of keys apart from that of lengths.
const (
	keySalt  = 0x6b657973
	sizeSalt = 0x73697a65
)

// Size implements [harness.Sizes].
func (s *CountedSizes) Size(n, seed uint64) int {
	at := s.order.at(n, seed^sizeSalt)
	return s.runs[sort.Search(len(s.ends), func(i int) bool { return at < s.ends[i] })].Bytes
}

// Max implements [harness.Sizes].
func (s *CountedSizes) Max() int { return s.max }

// Mean implements [harness.Sizes].
func (s *CountedSizes) Mean() float64 { return s.mean }

func (s *CountedSizes) String() string { return s.text }

var (
	_ harness.Seeded = (*CountedKeys)(nil)
	_ harness.Heavy  = (*CountedKeys)(nil)
	_ harness.Sizes  = (*CountedSizes)(nil)
)
