package profile

import (
	"math/rand/v2"
	"testing"
)

// Each offset is in one of the blocks, and each block is chosen as often as any other.
func TestBlocksAreChosenWithoutBias(t *testing.T) {
	r := &topicReader{random: rand.New(rand.NewPCG(1, 2))}
	for _, c := range []struct {
		start, end int64
		blocks     uint64
		weight     uint64
	}{{100, 200, 1, 1}, {100, 200, 7, 7}, {100, 103, 7, 3}, {5, 5, 7, 1}, {5, 4, 7, 1}} {
		const rounds = 20_000
		times := map[int64]float64{}
		for range rounds {
			from, to, weight := r.chooseBlock(c.start, c.end, c.blocks)
			if weight != c.weight || from < c.start || to > max(c.start, c.end) {
				t.Fatalf("%+v: block from %d to %d with a weight of %d", c, from, to, weight)
			}
			for at := from; at < to; at++ {
				times[at] += float64(weight) / rounds
			}
		}
		for at := c.start; at < c.end; at++ {
			if times[at] < 0.9 || times[at] > 1.1 {
				t.Errorf("%+v: the record at %d counts %v times, want once on average", c, at, times[at])
			}
		}
	}
}
