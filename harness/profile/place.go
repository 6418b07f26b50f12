package profile

import (
	"container/heap"
	"fmt"

	"github.com/stampede-bench/stampede/harness/load"
)

// placement says which key has which rank, so that the partitions get their shares of a profile.
// The producer's partitioner decides where a key goes. So a rank takes a key that goes where it must.
type placement struct {
	index  []uint32
	shares []float64 // shares of the partitions, as they come out
}

// placeKeys gives each rank, the most frequent first, to the partition that lacks most of
// its records. A profile does not say which key was where, since that is a part of a hash.
func placeKeys(runs []load.KeyRun, p *Profile) *placement {
	partitions, total := len(p.Partitions.Records), 0.0
	for _, r := range runs {
		total += float64(r.Records)
	}
	lacks := &lackHeap{}
	for i := range partitions {
		lacks.partitions = append(lacks.partitions, lack{i, p.Partitions.Share(i) * total})
	}
	heap.Init(lacks)
	ranks, rank := make([][]uint32, partitions), uint32(0)
	for _, r := range runs {
		for range r.Keys {
			most := &lacks.partitions[0]
			ranks[most.partition] = append(ranks[most.partition], rank)
			most.records -= float64(r.Records) / float64(r.Keys)
			heap.Fix(lacks, 0)
			rank++
		}
	}
	k := &placement{index: indexRanks(ranks, int(rank)), shares: make([]float64, partitions)}
	rank = 0
	for _, r := range runs {
		for range r.Keys {
			k.shares[load.PartitionOf(k.index[rank], partitions)] += float64(r.Records) / float64(r.Keys) / total
			rank++
		}
	}
	return k
}

// Keys are looked at, so many for each rank and each partition and so many in all, before a rank
// takes any key.
const (
	searchedKeys = 64
	mostSearched = 50_000_000 // some seconds
)

// indexRanks finds a key for each rank of each partition.
func indexRanks(ranks [][]uint32, total int) []uint32 {
	index := make([]uint32, total)
	partitions, left, key := len(ranks), total, uint32(0)
	for last := uint32(min(mostSearched, searchedKeys*(total+partitions))); left > 0 && key < last; key++ {
		if at := load.PartitionOf(key, partitions); len(ranks[at]) > 0 {
			index[ranks[at][0]] = key
			ranks[at] = ranks[at][1:]
			left--
		}
	}
	for _, missing := range ranks {
		for _, rank := range missing {
			index[rank] = key
			key++
		}
	}
	return index
}

// describe says how well the partitions fit.
func (k *placement) describe(p *Profile) string {
	worst, fits := 0, true
	miss := func(i int) float64 { return max(k.shares[i]-p.Partitions.Share(i), p.Partitions.Share(i)-k.shares[i]) }
	for i := range k.shares {
		if miss(i) > miss(worst) {
			worst = i
		}
		fits = fits && miss(i) <= p.Partitions.Errors[i]
	}
	if fits {
		return fmt.Sprintf("%d partitions with shares within their errors", len(k.shares))
	}
	return fmt.Sprintf("%d partitions, whose shares its keys cannot give: partition %d gets %.3g %% in place of %.3g %%",
		len(k.shares), worst, 100*k.shares[worst], 100*p.Partitions.Share(worst))
}

// lack is how many records a partition lacks.
type lack struct {
	partition int
	records   float64
}

// lackHeap has the partition on top that lacks most.
type lackHeap struct{ partitions []lack }

func (h *lackHeap) Len() int           { return len(h.partitions) }
func (h *lackHeap) Less(i, j int) bool { return h.partitions[i].records > h.partitions[j].records }
func (h *lackHeap) Swap(i, j int) {
	h.partitions[i], h.partitions[j] = h.partitions[j], h.partitions[i]
}
func (h *lackHeap) Push(x any) { h.partitions = append(h.partitions, x.(lack)) }
func (h *lackHeap) Pop() any   { panic("no partition is taken out") }
