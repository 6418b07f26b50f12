package load

import (
	"math"
	"testing"
	"time"
)

// cluster is a model of what takes a flood.
type cluster struct {
	latency  time.Duration // latency is that of an acknowledgement while nothing is busy.
	capacity float64       // capacity is the highest rate, records a second.
	cache    int64         // cache is how many records under way still fit the caches. 0: any.
}

// rate is the rate at a limit, by Little's law up to the capacity.
func (c cluster) rate(limit int64) float64 {
	r := min(float64(limit)/c.latency.Seconds(), c.capacity)
	if c.cache > 0 && limit > c.cache {
		r *= 0.97
	}
	return r
}

// flood drives a limit for a while, and returns the records sent. The time of a step is that of a
// check of the buffer.
func (c cluster) flood(f *floodLimit, now *int64, lasts time.Duration) (sent float64) {
	const step = int64(time.Millisecond)
	done := float64(f.done)
	for end := *now + int64(lasts); *now < end; *now += step {
		limit := f.adjust(*now, int64(done))
		done += c.rate(limit) * time.Duration(step).Seconds()
	}
	return done
}

func TestFloodLimitGrowsToWhatAClusterCanTake(t *testing.T) {
	const mem = 1 << 20
	for name, c := range map[string]struct {
		cluster
		least, most int64
	}{
		"brokers in this process":   {cluster{latency: 500 * time.Microsecond, capacity: 500_000, cache: 1 << 14}, leastFloodPending, leastFloodPending},
		"three nodes, slow answers": {cluster{latency: 190 * time.Millisecond, capacity: 330_000}, 1 << 15, 1 << 18},
		"far away":                  {cluster{latency: 3 * time.Second, capacity: 1e6}, mem, mem},
		"slower than the least":     {cluster{latency: 10 * time.Second, capacity: 300}, leastFloodPending, leastFloodPending},
	} {
		f, now := newFloodLimit(mem), int64(1)
		c.flood(f, &now, 3*time.Minute)
		if f.kept < c.least || f.kept > c.most {
			t.Errorf("%s: limit %d, want %d to %d", name, f.kept, c.least, c.most)
		}
		if got, can := c.rate(f.kept), min(c.capacity, mem/c.latency.Seconds()); got < can*0.9 {
			t.Errorf("%s: rate %.0f at %d, and %.0f is possible", name, got, f.kept, can)
		}
	}
}

// The search costs little of a flood of two million records on three nodes.
func TestFloodLimitIsFoundSoon(t *testing.T) {
	c := cluster{latency: 190 * time.Millisecond, capacity: 324_000}
	f, now := newFloodLimit(1<<20), int64(1)
	if sent := c.flood(f, &now, 6500*time.Millisecond); sent < 0.75*6.5*c.capacity {
		t.Errorf("%.0f records in 6.5 s: want three quarters of %.0f", sent, 6.5*c.capacity)
	}
}

func TestFloodLimitFollowsAClusterThatChanges(t *testing.T) {
	f, now := newFloodLimit(1<<20), int64(1)
	slow, fast := cluster{latency: 400 * time.Millisecond, capacity: 300_000}, cluster{latency: time.Millisecond, capacity: 300_000}
	fast.flood(f, &now, 10*time.Second)
	if f.kept != leastFloodPending {
		t.Fatalf("limit %d of fast brokers, want %d", f.kept, leastFloodPending)
	}
	slow.flood(f, &now, 60*time.Second)
	grown := f.kept
	if slow.rate(grown) < 0.9*slow.capacity {
		t.Errorf("limit %d after the brokers became slow: a rate of %.0f", grown, slow.rate(grown))
	}
	fast.flood(f, &now, 2*time.Minute)
	if f.kept >= grown {
		t.Errorf("limit %d after the brokers became fast again, still %d", f.kept, grown)
	}
}

func TestFloodLimitKeepsToWhatMemoryHolds(t *testing.T) {
	f, now := newFloodLimit(100), int64(1)
	cluster{latency: time.Second, capacity: math.Inf(1)}.flood(f, &now, time.Minute)
	if f.limit != 100 {
		t.Errorf("limit %d, want 100", f.limit)
	}
}
