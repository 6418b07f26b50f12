package profile

import (
	"cmp"
	"hash/maphash"
	"maps"
	"math"
	"slices"
)

// keyCounter counts records by key, in memory that does not grow with the number of keys.
//
// Up to limit keys all counts are exact. Beyond, two structures share the work. heads has the most
// frequent keys, with bounds on the error of each count. sample has the keys whose hash begins with depth zero
// bits, each with its exact count: a random sample of keys, from which the number of keys and the
// tail are estimated. It halves whenever it is full (Flajolet, On Adaptive Sampling, 1990).
//
// Keys are told apart by a 64-bit hash under a seed of this process. No hash leaves the counter.
type keyCounter struct {
	hash   func(key []byte) uint64
	limit  int
	depth  int
	sample map[uint64]uint64 // by hash
	heads  *heavyHitters     // heads is nil while depth is 0.

	records uint64 // weight of all records with a key
}

const (
	maxSampled = 1 << 19 // keys of the sample, some 30 MB
	maxHeads   = 1 << 14 // keys of heads
	topRanks   = 100     // ranks that a profile has one by one
)

func newKeyCounter() *keyCounter {
	seed := maphash.MakeSeed()
	return &keyCounter{hash: func(key []byte) uint64 { return maphash.Bytes(seed, key) }, limit: maxSampled, sample: map[uint64]uint64{}}
}

// addKey counts a record with a key.
func (c *keyCounter) addKey(key []byte, weight uint64) {
	h := c.hash(key)
	c.records += weight
	if c.heads != nil {
		c.heads.addKey(h, weight)
	}
	if h>>(64-c.depth) != 0 { // a shift by 64 is 0
		return
	}
	c.sample[h] += weight
	for len(c.sample) > c.limit {
		c.thin()
	}
}

// thin halves the sample. The first time it hands the most frequent keys on to heads.
func (c *keyCounter) thin() {
	if c.heads == nil {
		c.heads = newHeavyHitters(min(maxHeads, c.limit/2))
		for _, e := range sortCounts(c.sample)[:c.heads.capacity] {
			c.heads.pushKey(e.hash, e.records)
		}
	}
	c.depth++
	maps.DeleteFunc(c.sample, func(h uint64, _ uint64) bool { return h>>(64-c.depth) != 0 })
}

// rankedKey is a key with its count. The true count is at most over less.
type rankedKey struct {
	hash          uint64
	records, over uint64
}

// sortCounts are the keys of a sample, the most frequent first.
func sortCounts(sample map[uint64]uint64) []rankedKey {
	all := make([]rankedKey, 0, len(sample))
	for h, records := range sample {
		all = append(all, rankedKey{hash: h, records: records})
	}
	sortRanks(all)
	return all
}

func sortRanks(all []rankedKey) {
	slices.SortFunc(all, func(a, b rankedKey) int {
		return cmp.Or(cmp.Compare(b.records, a.records), cmp.Compare(a.hash, b.hash))
	})
}

// certainShare is the error, as a share of the count, up to which heads ranks a key.
const certainShare = 0.1

// rankHeads are the keys that heads knows well, the most frequent first, and the others of the sample.
func (c *keyCounter) rankHeads() (heads, others []rankedKey) {
	all := sortCounts(c.sample)
	if c.heads == nil {
		n := min(topRanks, len(all))
		return all[:n], all[n:]
	}
	taken := map[uint64]bool{}
	for _, e := range c.heads.entries {
		if float64(e.over) <= certainShare*float64(e.records) {
			heads = append(heads, rankedKey{hash: e.hash, records: e.records - e.over/2, over: e.over})
		}
	}
	sortRanks(heads)
	for _, e := range heads {
		taken[e.hash] = true
	}
	return heads, slices.DeleteFunc(all, func(e rankedKey) bool { return taken[e.hash] })
}

// countDistinct is the number of keys.
func (c *keyCounter) countDistinct() Count {
	scale := math.Exp2(float64(c.depth))
	n := float64(len(c.sample)) * scale
	return Count{uint64(n), z95 * math.Sqrt(n*(scale-1))}
}

// skew is the skew of the keys among records of this weight in all.
func (c *keyCounter) skew(records uint64, effective float64) Keys {
	k := Keys{Distinct: c.countDistinct()}
	heads, others := c.rankHeads()
	shareError := func(share float64) float64 { return z95 * math.Sqrt(share*(1-share)/effective) }
	all := float64(max(1, records))
	left := float64(c.records) // left are the records of the keys that follow
	for _, e := range heads[:min(topRanks, len(heads))] {
		share := float64(e.records) / all
		k.Top = append(k.Top, Rank{e.records, share, shareError(share) + float64(e.over)/2/all})
		left -= float64(e.records)
	}
	g := grid{next: uint64(len(k.Top)) + 1}
	for _, e := range heads[len(k.Top):] {
		g.addKeys(1, float64(e.records), 0)
		left -= float64(e.records)
	}
	g.close()
	scale := math.Exp2(float64(c.depth))
	sampled := 0.0
	for _, e := range others {
		sampled += float64(e.records) * scale
	}
	for _, e := range others {
		r := float64(e.records)
		g.addKeys(scale, r*scale*max(0, left)/sampled, r*r*scale*(scale-1))
	}
	g.close()
	for _, s := range g.segments {
		share := s.records / all
		k.Tail = append(k.Tail, Segment{s.from, s.to, uint64(math.Round(s.records)), share, shareError(share) + z95*math.Sqrt(s.variance)/all})
	}
	return k
}

// grid puts ranks into segments that grow by a tenth.
type grid struct {
	segments []gridSegment
	next     uint64 // next rank of the next segment
	keys     float64
	open     gridSegment
}

type gridSegment struct {
	from, to          uint64
	records, variance float64
}

// addKeys adds keys of one count, with their records in all.
func (g *grid) addKeys(keys, records, variance float64) {
	g.keys, g.open.records, g.open.variance = g.keys+keys, g.open.records+records, g.open.variance+variance
	if g.keys >= max(1, float64(g.next)/10) {
		g.close()
	}
}

// close ends the segment that is open.
func (g *grid) close() {
	if keys := uint64(g.keys); keys > 0 {
		g.open.from, g.open.to = g.next, g.next+keys-1
		g.segments, g.next = append(g.segments, g.open), g.next+keys
	}
	g.keys, g.open = 0, gridSegment{}
}
