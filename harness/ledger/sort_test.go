package ledger

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSorterSortsAsAComparisonDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s sorter
	for _, span := range []int64{1, 2, 3000, 1 << 22, 1 << 40, 1 << 62} {
		for _, n := range []int{0, 1, fewest - 1, fewest, 5000} {
			list := make([]moment, n)
			for i := range list {
				list[i] = moment{time.Duration(rng.Int64N(span) - span/2), uint64(rng.IntN(3))<<56 | uint64(i)}
			}
			want := slices.Clone(list)
			slices.SortFunc(want, compareMoments)
			for range 2 { // as it comes, and sorted already
				if list = s.sortMoments(list); !slices.Equal(list, want) {
					t.Fatalf("%d moments within %d ns are out of order", n, span)
				}
			}
		}
	}
}

// Attempts that end at once follow one another. Attempts that go on began after them, in
// any pod: no attempt waits for one that ends later.
func TestAttemptsOfOneInstantFollowOneAnother(t *testing.T) {
	const at = time.Second
	of := func(e EventKind, slot uint64) moment { return moment{at, uint64(e)<<56 | slot} }
	want := []moment{
		of(EventEnd, 9), of(eventStartAtOnce, 2), of(eventEndAtOnce, 2), of(eventStartAtOnce, 3), of(eventEndAtOnce, 3), of(EventStart, 1), of(EventCommit, 0),
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	if got = new(sorter).sortMoments(got); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// BenchmarkSorter sorts what 16 workers wrote: starts in order, ends nearly so.
func BenchmarkSorter(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	list := make([]moment, 0, 8192)
	for i := range 4096 {
		at := time.Duration(i) * 1000
		list = append(list, moment{at, uint64(i)}, moment{at + time.Duration(rng.IntN(30_000)), 1<<56 | uint64(i)})
	}
	work := make([]moment, len(list))
	var s sorter
	b.Run("radix", func(b *testing.B) {
		for b.Loop() {
			copy(work, list)
			work = s.sortMoments(work)
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N*len(list)), "ns/moment")
	})
	b.Run("comparing", func(b *testing.B) {
		for b.Loop() {
			copy(work, list)
			slices.SortFunc(work, compareMoments)
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N*len(list)), "ns/moment")
	})
}
