package profile

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// madeTopic is a topic as in production: a peak in the rate, lognormal sizes, Zipf keys with one hot
// key, and a partition that a partitioner of its own prefers.
type madeTopic struct {
	start      time.Time
	seconds    int
	base, peak float64 // records per second; the peak is from a third to a half of the time
	keys       int
	partitions int
	seed       uint64
}

var usualTopic = madeTopic{start: time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC), seconds: 60, base: 300, peak: 1500, keys: 3000, partitions: 12, seed: 4}

func (m madeTopic) keyName(rank int) string { return fmt.Sprintf("customer-%05d", 7*rank+1) }

// each calls fn for each record in the order of time.
func (m madeTopic) each(fn func(Record)) {
	r := rand.New(rand.NewPCG(m.seed, 1))
	sums, sum := make([]float64, m.keys), 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -1.05)
		sums[i] = sum
	}
	for at := 0.0; ; {
		rate := m.base
		if share := at / float64(m.seconds); share > 1.0/3 && share < 0.5 {
			rate = m.peak
		}
		if at += r.ExpFloat64() / rate; at >= float64(m.seconds) {
			return
		}
		rank := 0
		if r.Float64() > 0.12 {
			for u := r.Float64() * sum; sums[rank] < u; {
				rank++
			}
		}
		key := []byte(m.keyName(rank))
		partition := int(hashFNV(key) % uint64(m.partitions))
		if rank%5 == 3 {
			partition = 2
		}
		fn(Record{Time: m.start.Add(time.Duration(at * 1e9)), Partition: partition, Key: key, Size: int(200 * math.Exp(r.NormFloat64()))})
	}
}

func hashFNV(key []byte) uint64 {
	h := fnv.New64a()
	h.Write(key)
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd // FNV mixes its high bits badly
	return x ^ x>>33
}

// profileOf is the profile of all records of a made topic.
func (m madeTopic) profile() (*Profile, error) {
	c := NewCollector()
	var failed error
	m.each(func(r Record) {
		if err := c.Add(r); err != nil {
			failed = err
		}
	})
	if failed != nil {
		return nil, failed
	}
	return c.Profile(About{
		Made: m.start.Add(time.Hour), Source: SourceTopic, Topic: "orders", Start: m.start, End: m.start.Add(time.Duration(m.seconds) * time.Second), Partitions: m.partitions,
	})
}

// differences says in which ways a replay at a factor differs by more than the errors of both profiles.
func differences(was, is *Profile, factor float64) (found []string) {
	note := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	beyond := func(a, b, allowed float64) bool { return math.Abs(a-b) > allowed }
	if len(was.Rate.Steps) != len(is.Rate.Steps) || was.Rate.Step != is.Rate.Step {
		note("%d steps of %v, not %d of %v", len(is.Rate.Steps), is.Rate.Step, len(was.Rate.Steps), was.Rate.Step)
		return found
	}
	for i, a := range was.Rate.Steps {
		if b := is.Rate.Steps[i]; beyond(factor*float64(a.Records), float64(b.Records), factor*a.Error+b.Error) {
			note("step %d of the rate: %d records, not %g", i, b.Records, factor*float64(a.Records))
		}
	}
	if beyond(factor*was.Rate.Mean, is.Rate.Mean, factor*was.Rate.MeanError+is.Rate.MeanError) {
		note("mean rate %g, not %g", is.Rate.Mean, factor*was.Rate.Mean)
	}
	for i, a := range was.Keys.Top {
		if i >= len(is.Keys.Top) {
			note("no rank %d", i+1)
		} else if b := is.Keys.Top[i]; beyond(a.Share, b.Share, a.Error+b.Error) {
			note("share of rank %d: %g, not %g", i+1, b.Share, a.Share)
		}
	}
	if d := was.Keys.Distinct; factor >= 1 && beyond(float64(d.Records), float64(is.Keys.Distinct.Records), d.Error+is.Keys.Distinct.Error+0.01*float64(d.Records)) {
		note("%d keys, not %d", is.Keys.Distinct.Records, d.Records)
	}
	for i, a := range was.Partitions.Errors {
		if beyond(was.Partitions.Share(i), is.Partitions.Share(i), a+is.Partitions.Errors[i]) {
			note("share of partition %d: %g, not %g", i, is.Partitions.Share(i), was.Partitions.Share(i))
		}
	}
	return append(found, sizeDifferences(was, is)...)
}

// sizeDifferences compares the shares of values up to each size, for sizes that a replay can have.
func sizeDifferences(was, is *Profile) (found []string) {
	upTo := func(p *Profile, size float64) float64 {
		sum := 0.0
		for _, b := range p.Sizes.Buckets {
			if float64(b.Bytes) <= size {
				sum += float64(b.Records)
			}
		}
		return sum / float64(p.Records)
	}
	for _, b := range was.Sizes.Buckets {
		if b.Bytes <= 40 || b.Bytes > maxValue {
			continue
		}
		size := float64(b.Bytes)
		low, high := upTo(was, size*(1-sizeResolution)), upTo(was, size*(1+sizeResolution))
		if got := upTo(is, size); got < low-was.Sizes.Error-is.Sizes.Error || got > high+was.Sizes.Error+is.Sizes.Error {
			found = append(found, fmt.Sprintf("values up to %d bytes: %g, not %g", b.Bytes, got, upTo(was, size)))
		}
	}
	return found
}
