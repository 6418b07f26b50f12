package load

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// cluster is a model of what takes a flood: brokers and pods.
type cluster struct {
	latency  time.Duration // latency is that of an acknowledgement while nothing is busy.
	capacity float64       // capacity is the highest rate of acknowledgements, records a second.
	pods     float64       // pods is the highest rate of completions. 0: any.
	shared   int64         // shared is the limit beyond which the producer takes from the pods. 0: none.
	warmup   time.Duration // until it has passed, the rate is half.
}

// flow is the rate at a limit at a time: by Little's law, up to the capacity.
func (c cluster) flow(limit int64, now time.Duration) flow {
	r := min(float64(limit)/c.latency.Seconds(), c.capacity)
	f := flow{acked: r, completed: r}
	if c.pods > 0 {
		f.completed = min(r, c.pods)
	}
	if c.shared > 0 && limit > c.shared {
		f = flow{acked: 1.3 * f.acked, completed: 0.7 * f.completed}
	}
	if now < c.warmup {
		f = flow{f.acked / 2, f.completed / 2}
	}
	return f
}

// testFlood is a flood that a limit governs.
type testFlood struct {
	*floodLimit
	reached flow
	now     int64
}

func newTestFlood(most int64) *testFlood {
	return &testFlood{newFloodLimit(most), flow{completed: 1}, 1}
}

// last lets the flood last for a while, with the interval of the engine's polls. disturb changes a
// rate by chance.
func (f *testFlood) last(c cluster, lasts time.Duration, disturb func() float64) (sent float64) {
	const poll = 100 * time.Millisecond
	before := f.reached.acked
	for end := f.now + int64(lasts); f.now < end; f.now += int64(poll) {
		rate := c.flow(f.adjust(f.now, f.reached), time.Duration(f.now))
		by := poll.Seconds() * disturb()
		f.reached.acked += rate.acked * by
		f.reached.completed += rate.completed * by
	}
	return f.reached.acked - before
}

func calm() float64 { return 1 }

const testedMost = 1 << 20

func TestFloodLimitGrowsToWhatAClusterCanTake(t *testing.T) {
	for name, c := range map[string]struct {
		cluster
		least, most int64
	}{
		"brokers in this process":   {cluster{latency: 500 * time.Microsecond, capacity: 500_000, shared: 1 << 13}, leastFloodPending, leastFloodPending},
		"three nodes, slow answers": {cluster{latency: 190 * time.Millisecond, capacity: 330_000}, 1 << 15, 1 << 17},
		"slow pods":                 {cluster{latency: 190 * time.Millisecond, capacity: 330_000, pods: 1_000}, 1 << 15, 1 << 17},
		"brokers that warm up":      {cluster{latency: 190 * time.Millisecond, capacity: 330_000, warmup: 5 * time.Second}, 1 << 15, 1 << 17},
		"far away":                  {cluster{latency: 3 * time.Second, capacity: 1e6}, testedMost, testedMost},
		"slower than the least":     {cluster{latency: 10 * time.Second, capacity: 300}, leastFloodPending, leastFloodPending},
	} {
		f := newTestFlood(testedMost)
		f.last(c.cluster, 3*time.Minute, calm)
		if f.kept < c.least || f.kept > c.most {
			t.Errorf("%s: limit %d, want %d to %d", name, f.kept, c.least, c.most)
		}
		if got, can := c.flow(f.kept, time.Duration(f.now)), c.flow(testedMost, time.Duration(f.now)); got.acked < can.acked*0.7 {
			t.Errorf("%s: rate %.0f at %d, and %.0f is possible", name, got.acked, f.kept, can.acked)
		}
	}
}

// The search costs little of a flood of five million records on three nodes.
func TestFloodLimitIsFoundSoon(t *testing.T) {
	c := cluster{latency: 190 * time.Millisecond, capacity: 324_000}
	f := newTestFlood(testedMost)
	const lasts = 16 * time.Second
	if sent := f.last(c, lasts, calm); sent < 0.8*lasts.Seconds()*c.capacity {
		t.Errorf("%.0f records in %v: want four fifths of %.0f", sent, lasts, lasts.Seconds()*c.capacity)
	}
}

func TestFloodLimitFollowsAClusterThatChanges(t *testing.T) {
	f := newTestFlood(testedMost)
	slow := cluster{latency: 400 * time.Millisecond, capacity: 300_000}
	fast := cluster{latency: time.Millisecond, capacity: 300_000, shared: leastFloodPending}
	f.last(fast, 10*time.Second, calm)
	if f.kept != leastFloodPending {
		t.Fatalf("limit %d of fast brokers, want %d", f.kept, leastFloodPending)
	}
	f.last(slow, 90*time.Second, calm)
	if grown := slow.flow(f.kept, 0).acked; grown < 0.8*slow.capacity {
		t.Errorf("limit %d after the brokers became slow: a rate of %.0f", f.kept, grown)
	}
	f.last(fast, 3*time.Minute, calm)
	if f.kept != leastFloodPending {
		t.Errorf("limit %d after the brokers became fast again, want %d", f.kept, leastFloodPending)
	}
}

// On a busy machine each rate is off by up to a half. A limit that grew by chance is given back.
func TestFloodLimitGivesBackWhatChanceGave(t *testing.T) {
	c := cluster{latency: 500 * time.Microsecond, capacity: 500_000, shared: leastFloodPending}
	random := rand.New(rand.NewPCG(1, 2))
	f := newTestFlood(testedMost)
	var beyond, turns int
	for range 600 {
		f.last(c, time.Second, func() float64 { return 0.5 + random.Float64() })
		if turns++; f.kept > leastFloodPending {
			beyond++
		}
	}
	if beyond > turns/4 {
		t.Errorf("the limit was too large in %d of %d seconds", beyond, turns)
	}
}

func TestFloodLimitKeepsToWhatMemoryHolds(t *testing.T) {
	f := newTestFlood(100)
	f.last(cluster{latency: time.Second, capacity: math.Inf(1)}, time.Minute, calm)
	if f.limit != 100 {
		t.Errorf("limit %d, want 100", f.limit)
	}
}
