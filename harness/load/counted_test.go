package load

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestShuffleIsAPermutation(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 10, 97, 1000, 65_537} {
		s := newShuffle(n)
		for epoch := range uint64(2) {
			seen := make([]bool, n)
			for i := range n {
				x := s.at(epoch*n+i, 5)
				if x >= n || seen[x] {
					t.Fatalf("of %d numbers, number %d is %d: out of range or there twice", n, i, x)
				}
				seen[x] = true
			}
		}
	}
}

// Numbers of a prefix are spread evenly, the orders of two seeds and of two rounds have nothing in
// common, and neither have neighbours.
func TestShuffleLooksRandom(t *testing.T) {
	const n, prefix, cells = 1_000_000, 100_000, 100
	s := newShuffle(n)
	counts, same, again, rises := make([]float64, cells), 0, 0, 0
	for i := range uint64(prefix) {
		x := s.at(i, 1)
		counts[x*cells/n]++
		if x == s.at(i, 2) {
			same++
		}
		if x == s.at(n+i, 1) {
			again++
		}
		if s.at(i+1, 1) > x {
			rises++
		}
	}
	chi := 0.0
	for _, c := range counts {
		chi += (c - prefix/cells) * (c - prefix/cells) / (prefix / cells)
	}
	if chi < 45 || chi > 170 { // 99 degrees of freedom: within 5 standard deviations; without replacement it is a tenth less
		t.Errorf("chi-squared of %v with 99 degrees of freedom", chi)
	}
	if same > 5 || again > 5 || math.Abs(float64(rises)/prefix-0.5) > 0.01 {
		t.Errorf("%d numbers as under another seed, %d as in the next round, %d of %d rise", same, again, rises, prefix)
	}
}

func TestCountedKeysOccurAsOftenAsCounted(t *testing.T) {
	runs := []KeyRun{{1, 500}, {1, 300}, {4, 100}, {50, 100}}
	index := make([]uint32, 56)
	for i := range index {
		index[i] = uint32(3 * i)
	}
	keys, err := NewCountedKeys(runs, index, "text")
	if err != nil {
		t.Fatal(err)
	}
	if keys.Count() != 3*55+1 || keys.String() != "text" {
		t.Errorf("%d keys, %q", keys.Count(), keys)
	}
	if heavy := keys.Heavy(); len(heavy) != 2 || heavy[0] != 0 || heavy[1] != 3 {
		t.Errorf("heavy keys %v, want those of the first two ranks", heavy)
	}
	seeded, r := keys.WithSeed(9), rand.New(rand.NewPCG(1, 1))
	for round := range uint64(2) {
		counts := map[uint32]int{}
		for n := range uint64(1000) {
			counts[seeded.Key(round*1000+n, r)]++
		}
		for key, want := range map[uint32]int{0: 500, 3: 300, 6: 25, 15: 25, 18: 2, 165: 2} {
			if counts[key] != want {
				t.Errorf("round %d: %d records of key %d, want %d", round, counts[key], key, want)
			}
		}
	}
	moved := 0
	for n := range uint64(1000) {
		if seeded.Key(n, r) != keys.WithSeed(10).Key(n, r) {
			moved++
		}
		if seeded.Key(n, r) != keys.WithSeed(9).Key(n, nil) {
			t.Fatalf("record %d has two keys under one seed", n)
		}
	}
	if moved < 300 {
		t.Errorf("only %d of 1000 records have another key under another seed", moved)
	}
}

func TestCountedKeysRefuseWhatIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		runs  []KeyRun
		index []uint32
	}{
		"no runs": {}, "no keys": {runs: []KeyRun{{0, 1}}}, "no records": {runs: []KeyRun{{1, 0}}},
		"too many keys": {runs: []KeyRun{{MaxKeys, 1}, {1, 1}}}, "too few indexes": {runs: []KeyRun{{2, 2}}, index: []uint32{1}},
	} {
		if _, err := NewCountedKeys(c.runs, c.index, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCountedSizesOccurAsOftenAsCounted(t *testing.T) {
	s, err := NewCountedSizes([]SizeRun{{50, 70}, {200, 29}, {5000, 1}}, "text")
	if err != nil {
		t.Fatal(err)
	}
	if s.Max() != 5000 || s.Mean() != 143 {
		t.Errorf("at most %d, mean %v", s.Max(), s.Mean())
	}
	counts, moved := map[int]int{}, 0
	for n := range uint64(100) {
		counts[s.Size(n, 3)]++
		if s.Size(n, 3) != s.Size(n, 4) {
			moved++
		}
	}
	if counts[50] != 70 || counts[200] != 29 || counts[5000] != 1 || moved < 10 {
		t.Errorf("lengths %v; %d differ under another seed", counts, moved)
	}
	if _, err := NewCountedSizes(nil, ""); err == nil {
		t.Error("no lengths: no error")
	}
}
