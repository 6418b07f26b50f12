package load

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

// chiSquare compares counts with expected probabilities; under the right
// distribution it is close to the degrees of freedom, with a standard deviation
// of the root of twice that.
func chiSquare(counts []int, draws int, p func(k int) float64) float64 {
	sum := 0.0
	for k, c := range counts {
		want := p(k) * float64(draws)
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	return sum
}

func TestKeysAreDistributedAsNamed(t *testing.T) {
	zipfShare := func(s float64, n int) func(int) float64 {
		total := 0.0
		for k := range n {
			total += math.Pow(float64(k+1), -s)
		}
		return func(k int) float64 { return math.Pow(float64(k+1), -s) / total }
	}
	tests := []struct {
		keys harness.Keys
		p    func(k int) float64
	}{
		{Uniform{1}, func(int) float64 { return 1 }},
		{Uniform{100}, func(int) float64 { return 0.01 }},
		{mustParse(t, "zipf:1.1/50"), zipfShare(1.1, 50)},
		{mustParse(t, "zipf:1/50"), zipfShare(1, 50)},
		{mustParse(t, "zipf:0.6/200"), zipfShare(0.6, 200)},
		{mustParse(t, "zipf:2/1"), zipfShare(2, 1)},
		{NoKeys{Partitions: 12, Row: 1}, func(int) float64 { return 1. / 12 }},
		{Hot{0.2, 1, 100}, func(k int) float64 {
			if k == 0 {
				return 0.2
			}
			return 0.008
		}},
		{Hot{0.5, 3, 20}, func(k int) float64 {
			if k < 3 {
				return 0.5 / 3
			}
			return 0.5 / 20
		}},
	}
	const draws = 200_000
	for _, tt := range tests {
		t.Run(tt.keys.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 11))
			counts := make([]int, tt.keys.Count())
			for n := range uint64(draws) {
				counts[tt.keys.Key(n, r)]++ // panics on a key past Count
			}
			freedom := float64(len(counts) - 1)
			if x := chiSquare(counts, draws, tt.p); math.Abs(x-freedom) > 4*math.Sqrt(2*freedom) {
				t.Errorf("chi square %.1f with %v degrees of freedom: %v", x, freedom, counts)
			}
		})
	}
}

func TestKeysDependOnTheirSourceAlone(t *testing.T) {
	for _, s := range []string{"uniform:5000", "zipf:0.9/5000", "hot:0.1/5/5000"} {
		draw := func() (drawn [100]uint32) {
			k, err := ParseKeys(s)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(3, 4))
			for i := range drawn {
				drawn[i] = k.Key(uint64(i), r)
			}
			return drawn
		}
		if a, b := draw(), draw(); a != b {
			t.Errorf("%s: %v, then %v", s, a, b)
		}
	}
}

// As KIP-794 has it: 16 KiB for a partition, then another one.
func TestRecordsWithoutKeysStickToAPartition(t *testing.T) {
	keys := NoKeys{}.Of(12, 200)
	changes, used := 0, map[uint32]bool{}
	for n := range uint64(81 * 100) {
		if n > 0 && keys.Key(n, nil) != keys.Key(n-1, nil) {
			if changes++; n%81 != 0 {
				t.Errorf("record %d goes to another partition than the one before", n)
			}
		}
		used[keys.Key(n, nil)] = true
	}
	if changes < 80 || len(used) != 12 {
		t.Errorf("%d changes to %d partitions, want some 90 to 12", changes, len(used))
	}
	if k := (NoKeys{}).Of(12, 100_000); k.Key(1, nil) == k.Key(2, nil) && k.Key(2, nil) == k.Key(3, nil) {
		t.Error("a value of more than 16 KiB does not go to another partition")
	}
}

func TestParseKeysRoundTrip(t *testing.T) {
	for _, s := range []string{"uniform:1", "uniform:20000", "zipf:1.1/10000", "zipf:0.75/3", "hot:0.2/1/10000", "hot:0.001/7/1", "none"} {
		k, err := ParseKeys(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		} else if k.String() != s {
			t.Errorf("%s comes back as %s", s, k)
		}
	}
}

func TestParseKeysRefuses(t *testing.T) {
	tests := map[string]string{
		"":                   "unknown distribution \"\"",
		"gauss:3":            "unknown distribution \"gauss\"",
		"uniform":            "\"\" is not a whole number",
		"uniform:0":          "0 keys: want 1",
		"uniform:-5":         "-5 keys",
		"uniform:1/2":        "uniform takes 1 numbers, not 2",
		"uniform:1e3":        "\"1e3\" is not a whole number",
		"uniform:9999999999": "want 1 to",
		"zipf:1.1":           "zipf takes 2 numbers, not 1",
		"zipf:0/10":          "exponent of 0",
		"zipf:NaN/10":        "\"NaN\" is not a number",
		"zipf:+Inf/10":       "exponent of +Inf",
		"zipf:1.1/0":         "0 keys",
		"hot:0/1/10":         "fraction of the hot keys of 0",
		"hot:1/1/10":         "fraction of the hot keys of 1",
		"hot:20%/1/10":       "\"20%\" is not a number",
		"hot:0.2/0/10":       "0 hot keys",
		"hot:0.2/1/0":        "0 other keys",
		"hot:0.2/1":          "hot takes 3 numbers, not 2",
	}
	for s, want := range tests {
		_, err := ParseKeys(s)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), keysSyntax) {
			t.Errorf("%q: error %v, want one with %q and the syntax", s, err, want)
		}
	}
}

func TestKeyBytes(t *testing.T) {
	for key, want := range map[uint32]string{0: "key-0", 7: "key-7", 4294967295: "key-4294967295"} {
		if got := string(KeyBytes(key)); got != want {
			t.Errorf("key %d: %s, want %s", key, got, want)
		}
	}
}

func mustParse(t *testing.T, keys string) harness.Keys {
	t.Helper()
	k, err := ParseKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
