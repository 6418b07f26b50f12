package profile

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// replayed is the profile of the records that a producer sends in a replay.
func replayed(t *testing.T, r *Replay, seed uint64, partitions int) (*Profile, *harness.Scenario) {
	t.Helper()
	s := &harness.Scenario{}
	if err := r.Apply(s, partitions); err != nil {
		t.Fatal(err)
	}
	c, keys, random := NewCollector(), s.Load.SeededKeys(seed), rand.New(rand.NewPCG(seed, 2))
	for n := uint64(0); ; n++ {
		due, ok := s.Load.Pacer.At(n)
		if !ok {
			break
		}
		key := keys.Key(n, random)
		err := c.Add(Record{
			Time: r.Profile.Start.Add(due), Partition: load.PartitionOf(key, s.Partitions), Key: load.KeyBytes(key), Size: s.Load.ValueSize(n, seed),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := c.Profile(About{Start: r.Profile.Start, End: r.Profile.Start.Add(r.Profile.Length), Partitions: s.Partitions})
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

// The profile of a replay is that of the topic, within the errors that both state.
func TestAReplayHasTheShapeOfItsTopic(t *testing.T) {
	made, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "profile.json")
	if err := made.Save(path); err != nil {
		t.Fatal(err)
	}
	for suffix, factor := range map[string]float64{"": 1, "@x2": 2, "@x0.5": 0.5} {
		r, err := ParseReplay(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(3) {
			got, s := replayed(t, r, seed, 0)
			if found := differences(made, got, factor); len(found) > 0 {
				t.Errorf("factor %v, seed %d: the replay differs:\n%s", factor, seed, strings.Join(found, "\n"))
			}
			if !strings.Contains(s.Load.Profile, "12 partitions with shares within their errors") || !strings.Contains(s.Load.Profile, "orders, 1m0s") {
				t.Errorf("the load is described as %q", s.Load.Profile)
			}
		}
	}
}

// A second profile of the same made topic differs from the first by about its errors: they are not too wide.
func TestErrorsAreAsWideAsChance(t *testing.T) {
	first, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	again := usualTopic
	inside, all := 0, 0
	for seed := range uint64(10) {
		again.seed = 100 + seed
		second, err := again.profile()
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			a, b := first.Keys.Top[i], second.Keys.Top[i]
			if all++; (a.Share-b.Share)*(a.Share-b.Share) <= a.Error*a.Error+b.Error*b.Error {
				inside++
			}
		}
	}
	if share := float64(inside) / float64(all); share < 0.93 {
		t.Errorf("%.3g of the shares of two windows agree within their errors, want about 0.95", share)
	}
	if e := first.Keys.Top[0].Error; e > 0.006 || e < 0.002 {
		t.Errorf("the share of the hottest key has an error of %v", e)
	}
}

func TestAReplayOfAnotherTopicDiffers(t *testing.T) {
	made, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*madeTopic){
		"rate":       func(m *madeTopic) { m.peak = 1000 },
		"keys":       func(m *madeTopic) { m.keys = 300 },
		"partitions": func(m *madeTopic) { m.partitions = 6 },
	} {
		other := usualTopic
		change(&other)
		p, err := other.profile()
		if err != nil {
			t.Fatal(err)
		}
		if name == "partitions" {
			p.Partitions.Records = append(p.Partitions.Records, make([]uint64, 6)...)
			p.Partitions.Errors = append(p.Partitions.Errors, make([]float64, 6)...)
		}
		if len(differences(made, p, 1)) == 0 {
			t.Errorf("another %s: no difference is found", name)
		}
	}
}

func TestSeedsDecideAReplay(t *testing.T) {
	made, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReplay(made, 1)
	if err != nil {
		t.Fatal(err)
	}
	var s harness.Scenario
	if err := r.Apply(&s, 0); err != nil {
		t.Fatal(err)
	}
	same := 0
	for n := range uint64(1000) {
		a, b, other := s.Load.SeededKeys(1), s.Load.SeededKeys(1), s.Load.SeededKeys(2)
		size := s.Load.ValueSize(n, 1)
		if again := s.Load.ValueSize(n, 1); a.Key(n, nil) != b.Key(n, nil) || size != again {
			t.Fatalf("record %d differs under the same seed", n)
		}
		if a.Key(n, nil) == other.Key(n, nil) && size == s.Load.ValueSize(n, 2) {
			same++
		}
	}
	if same > 50 {
		t.Errorf("%d of 1000 records are the same under another seed", same)
	}
}

func TestAReplayNamesItsHotKey(t *testing.T) {
	made, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	r, _ := NewReplay(made, 1)
	var s harness.Scenario
	if err := r.Apply(&s, 0); err != nil {
		t.Fatal(err)
	}
	heavy, want := s.Load.Keys.(harness.Heavy).Heavy(), 0
	for _, rank := range made.Keys.Top {
		if rank.Share >= 0.01 {
			want++
		}
	}
	if len(heavy) != want || want < 3 {
		t.Errorf("%d hot keys, and %d ranks have at least 1 %%", len(heavy), want)
	}
}

func TestAReplayOnOtherPartitionsSaysSo(t *testing.T) {
	made, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	r, _ := NewReplay(made, 1)
	got, s := replayed(t, r, 1, 30)
	if s.Partitions != 30 || len(got.Partitions.Records) != 30 || !strings.Contains(s.Load.Profile, "30 partitions in place of 12, with keys by hash") {
		t.Errorf("%d partitions; %q", s.Partitions, s.Load.Profile)
	}
}

// made by hand, for what a made topic does not have
func smallProfile(change func(*Profile)) *Profile {
	p := &Profile{
		Version: Version, Source: SourceTopic, Topic: "t", Start: usualTopic.start, Length: 2 * time.Second, Records: 100,
		Rate:       Rate{Step: time.Second, Steps: []Count{{50, 14}, {50, 14}}},
		Sizes:      Sizes{Buckets: []Bucket{{100, 100}}, Error: 0.1},
		Keys:       Keys{Distinct: Count{2, 0}, Top: []Rank{{60, 0.6, 0.1}, {40, 0.4, 0.1}}},
		Partitions: Partitions{Records: []uint64{60, 40}, Errors: []float64{0.1, 0.1}},
	}
	change(p)
	return p
}

func TestAReplayWithoutKeysLetsTheProducerChoose(t *testing.T) {
	p := smallProfile(func(p *Profile) { p.Keys = Keys{Keyless: 100} })
	r, _ := NewReplay(p, 1)
	var s harness.Scenario
	if err := r.Apply(&s, 0); err != nil {
		t.Fatal(err)
	}
	if s.Load.HasKeys() || !strings.Contains(s.Load.Profile, "no record has a key, so the producer chooses the partitions") {
		t.Errorf("keys %v; %q", s.Load.Keys, s.Load.Profile)
	}
}

func TestAReplaySaysWhatItCannotKeep(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Profile)
		want   string
	}{
		"short values":      {func(p *Profile) { p.Sizes.Buckets = []Bucket{{0, 5}, {12, 20}, {100, 75}} }, "25 % of the values were shorter than the identity and have its 40 bytes"},
		"long values":       {func(p *Profile) { p.Sizes.Buckets = []Bucket{{100, 90}, {2_000_000, 10}} }, "10 % of the values were cut to 999000 bytes"},
		"some without keys": {func(p *Profile) { p.Keys.Top, p.Keys.Keyless = []Rank{{60, 0.6, 0.1}}, 40 }, "40 % of the records had no key and have one of 40 others"},
		// One of its two keys has 60 %.
		"a spread that no keys give": {func(p *Profile) { p.Partitions = Partitions{[]uint64{50, 50}, []float64{0.01, 0.01}, 1, 0.02} }, "2 partitions, whose shares its keys cannot give: partition 0 gets 60 % in place of 50 %"},
	} {
		r, _ := NewReplay(smallProfile(c.change), 1)
		var s harness.Scenario
		if err := r.Apply(&s, 0); err != nil || !strings.Contains(s.Load.Profile, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, s.Load.Profile, err, c.want)
		}
		for n := range uint64(200) {
			if size := s.Load.ValueSize(n, 1); size < 40 || size > maxValue {
				t.Fatalf("%s: a value of %d bytes", name, size)
			}
		}
	}
}

func TestFactorsOutOfRangeAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profile.json")
	if err := smallProfile(func(*Profile) {}).Save(path); err != nil {
		t.Fatal(err)
	}
	for _, factor := range []string{"0", "-1", "1001", "NaN", "two", "", "0.0001"} {
		if _, err := ParseReplay(path + "@x" + factor); err == nil || !strings.Contains(err.Error(), "want a number from 0.001 to 1000") {
			t.Errorf("factor %q: %v", factor, err)
		}
	}
	fast := smallProfile(func(p *Profile) {
		p.Records, p.Rate.Steps = 2_000_000, []Count{{2_000_000, 1}}
		p.Rate.Step = 2 * time.Second
	})
	if _, err := NewReplay(fast, 1); err == nil || !strings.Contains(err.Error(), "at most 1000000") {
		_, err2 := NewReplay(fast, 3)
		if err2 == nil {
			t.Errorf("3 million records a second: %v", err2)
		}
	}
	for path, factor := range map[string]float64{path: 1, path + "@x2.5": 2.5} {
		if r, err := ParseReplay(path); err != nil || r.Factor != factor {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Partitions get their shares although keys are of very different weight.
func TestPlacementFillsUnevenPartitions(t *testing.T) {
	p := smallProfile(func(p *Profile) {
		p.Records = 10_000
		p.Partitions = Partitions{Records: []uint64{5000, 3000, 1500, 500, 0}, Errors: slices.Repeat([]float64{0.01}, 5)}
	})
	k := placeKeys([]load.KeyRun{{Keys: 1, Records: 4000}, {Keys: 3, Records: 3000}, {Keys: 1000, Records: 3000}}, p)
	for i, want := range []float64{0.5, 0.3, 0.15, 0.05, 0} {
		if got := k.shares[i]; got < want-0.001 || got > want+0.001 {
			t.Errorf("partition %d has a share of %v, want %v", i, got, want)
		}
	}
	seen := map[uint32]bool{}
	for _, key := range k.index {
		if seen[key] {
			t.Fatalf("key %d has two ranks", key)
		}
		seen[key] = true
	}
}
