package profile

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

func TestTopSharesAreExactAndTailsAddUp(t *testing.T) {
	p, err := usualTopic.profile()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]uint64{}
	usualTopic.each(func(r Record) { counts[string(r.Key)]++ })
	if p.Keys.Top[0].Records != counts[usualTopic.keyName(0)] || p.Keys.Distinct != (Count{uint64(len(counts)), 0}) {
		t.Errorf("the hottest key has %d records of %d, of %+v keys of %d", p.Keys.Top[0].Records, counts[usualTopic.keyName(0)], p.Keys.Distinct, len(counts))
	}
	if last := p.Keys.Tail[len(p.Keys.Tail)-1]; last.To != uint64(len(counts)) || len(p.Keys.Tail) > 60 {
		t.Errorf("%d segments up to rank %d of %d", len(p.Keys.Tail), last.To, len(counts))
	}
	if err := p.validate(); err != nil {
		t.Error(err)
	}
}

// manyKeys counts two records of each of n keys, and as many of 100 hot keys, where hot key i has a weight of
// 100 - i. It returns how many the hot ones have.
func manyKeys(t *testing.T, c *Collector, n int) (hot [100]uint64) {
	t.Helper()
	r, key := rand.New(rand.NewPCG(1, 2)), make([]byte, 8)
	add := func(id uint64) {
		binary.BigEndian.PutUint64(key, id)
		if err := c.Add(Record{Time: usualTopic.start, Partition: int(id % 12), Key: key, Size: 100}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for id := range uint64(n) {
			add(1000 + id)
			for {
				if i := r.Uint64N(100); r.Uint64N(100) >= i {
					hot[i]++
					add(i)
					break
				}
			}
		}
	}
	return hot
}

func TestMillionsOfKeysAreCountedInBoundedMemory(t *testing.T) {
	const n = 5_000_000
	c := NewCollector()
	c.keys.hash = hashFNV
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	hot := manyKeys(t, c, n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 60<<20 {
		t.Errorf("%d keys take %d MiB, want at most 60", n, grown>>20)
	}
	p, err := c.Profile(About{Partitions: 12})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.validate(); err != nil {
		t.Error(err)
	}
	if d := p.Keys.Distinct; math.Abs(float64(d.Records)-n-100) > 2*d.Error || d.Error > 0.02*n || d.Error == 0 {
		t.Errorf("%d keys ± %v, want %d", d.Records, d.Error, n)
	}
	for i, rank := range p.Keys.Top[:90] {
		if rank.Records != hot[i] && math.Abs(float64(rank.Records)-float64(hot[i])) > 0.03*float64(hot[i]) {
			t.Errorf("rank %d has %d records, want about the %d of the key there", i+1, rank.Records, hot[i])
		}
	}
	tail := p.Keys.Tail[len(p.Keys.Tail)-1]
	if each := float64(tail.Records) / float64(tail.To-tail.From+1); math.Abs(each-2) > 0.1 || len(p.Keys.Tail) > 150 {
		t.Errorf("%v records of each key at the end of %d segments, want 2", each, len(p.Keys.Tail))
	}
	runtime.KeepAlive(c)
}

// Counts stay exact while all keys have their place, and the most frequent ones later too.
func TestTopSharesStayExactAfterAnOverflow(t *testing.T) {
	c := NewCollector()
	c.keys.hash, c.keys.limit = hashFNV, 2000
	manyKeys(t, c, 50_000)
	exact := NewCollector()
	manyKeys(t, exact, 50_000)
	a, err := c.Profile(About{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := exact.Profile(About{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if got, want := a.Keys.Top[i], b.Keys.Top[i]; math.Abs(got.Share-want.Share) > got.Error-want.Error+1e-12 {
			t.Errorf("rank %d: share %v, counted exactly %v; the error of counting is %v", i+1, got.Share, want.Share, got.Error-want.Error)
		}
	}
	if d := a.Keys.Distinct; math.Abs(float64(d.Records)-float64(b.Keys.Distinct.Records)) > 2*d.Error || c.keys.depth == 0 {
		t.Errorf("%+v keys, counted exactly %d", d, b.Keys.Distinct.Records)
	}
}

func TestRateTakesAStepThatFitsTheWindow(t *testing.T) {
	for _, c := range []struct {
		length, step time.Duration
		steps        int
	}{
		{300 * time.Millisecond, time.Second, 1}, {time.Minute, time.Second, 60}, {90500 * time.Millisecond, time.Second, 91},
		{20 * time.Minute, 2 * time.Second, 600}, {6 * time.Hour, time.Minute, 360}, {24 * time.Hour, 5 * time.Minute, 288}, {7 * 24 * time.Hour, 20 * time.Minute, 504},
	} {
		collector := NewCollector()
		const n = 20_000
		for i := range n { // in disorder
			at := time.Duration(float64((i*7919)%n) * float64(c.length) / n)
			if err := collector.Add(Record{Time: usualTopic.start.Add(at), Size: 1}); err != nil {
				t.Fatal(err)
			}
		}
		p, err := collector.Profile(About{Start: usualTopic.start, End: usualTopic.start.Add(c.length)})
		if err != nil {
			t.Fatal(err)
		}
		if p.Rate.Step != c.step || len(p.Rate.Steps) != c.steps {
			t.Errorf("%v: %d steps of %v, want %d of %v", c.length, len(p.Rate.Steps), p.Rate.Step, c.steps, c.step)
		}
		sum := uint64(0)
		for i, s := range p.Rate.Steps {
			sum += s.Records
			want := float64(n) * float64(p.StepLength(i)) / float64(c.length)
			if math.Abs(float64(s.Records)-want) > 0.05*want+8 {
				t.Errorf("%v: step %d has %d records, want %v", c.length, i, s.Records, want)
			}
		}
		if sum != n {
			t.Errorf("%v: %d records in the steps", c.length, sum)
		}
	}
}

func TestSizesKeepTheirResolution(t *testing.T) {
	for _, size := range []int{0, 1, 39, 63, 64, 65, 100, 127, 128, 1000, 4095, 4096, 1 << 20, 1<<31 - 1} {
		var c sizeCounter
		c.addSize(size, 3)
		s := c.distribution(3, 3)
		if len(s.Buckets) != 1 || s.Buckets[0] != (Bucket{size, 3}) || s.Mean != float64(size) {
			t.Errorf("%d bytes: %+v", size, s.Buckets)
		}
	}
	last := -1
	for size := range 100_000 {
		i := sizeIndex(size)
		if i < last || i > last+1 {
			t.Fatalf("%d bytes are in bucket %d, after %d", size, i, last)
		}
		last = i
	}
}

func TestCollectorRefusesWhatIsNoTopic(t *testing.T) {
	c := NewCollector()
	if _, err := c.Profile(About{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("without records: %v", err)
	}
	for _, partition := range []int{-1, MaxPartitions} {
		if err := c.Add(Record{Partition: partition}); err == nil {
			t.Errorf("partition %d: no error", partition)
		}
	}
	for _, year := range []int{1971, 2026} {
		if err := c.Add(Record{Time: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Profile(About{}); err == nil {
		t.Error("a window of 55 years: no error")
	}
}

func BenchmarkCollector(b *testing.B) {
	c, key := NewCollector(), make([]byte, 8)
	for b.Loop() {
		binary.BigEndian.PutUint64(key, rand.Uint64N(5_000_000))
		_ = c.Add(Record{Time: usualTopic.start, Key: key, Size: 100})
	}
}
