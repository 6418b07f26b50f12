package soak_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// A key is hot for a while, then cold, hot and cold again, under random faults. Hotlane
// moves it to the overflow topic and back, once in each run on average. The order
// of this key depends on the design.
func TestHotlaneMovesAHotKeyToOverflowAndBack(t *testing.T) {
	seeds, protocols := soakExtent(t, 3)
	moves := &keyMoves{in: map[harness.Protocol]int{}, out: map[harness.Protocol]int{}, inOverflow: map[string]bool{}}
	name := registerWatched(t, "hotlane", func(cfg harness.Config, r *harness.Record) {
		if ledger.IsKey(r.Key, 0) {
			moves.countMove(cfg, r)
		}
	})
	for _, p := range protocols {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				requirePass(t, trial.RunVirtual(t, chaosWithHotTimes(seed+1), name+"@"+string(p), seed+1), name, seed+1)
			}
			in, out := moves.countsUnder(p)
			t.Logf("%d runs: the key moved to the overflow topic %d times and back %d times", seeds, in, out)
			if in < seeds || out < seeds {
				t.Errorf("in %d runs the key moved to the overflow topic %d times and back %d times: want at least once in each run", seeds, in, out)
			}
		})
	}
}

// chaosWithHotTimes is chaos with a key that at times gets twice what a worker can do.
func chaosWithHotTimes(seed uint64) harness.Scenario {
	s := trial.Chaos(seed)
	s.Name, s.Doc = "hot-times", "pods are killed, pause, leave and join at random, and a key is hot at times"
	pacer := load.Constant{Rate: 200, For: 15 * time.Second}
	s.Load = harness.Load{Pacer: pacer, Keys: hotTimes{count: 40, fraction: 0.5, records: 200 * 15}}
	s.Service = load.Fixed(20 * time.Millisecond)
	return s
}

// hotTimes are uniform keys, but for two intervals in which key 0 gets a fraction of all
// records in addition.
type hotTimes struct {
	count    int
	fraction float64
	records  uint64 // records is how many records the load has
}

func (k hotTimes) Key(n uint64, r *rand.Rand) uint32 {
	at := float64(n) / float64(k.records)
	hot := at >= 0.1 && at < 0.25 || at >= 0.6 && at < 0.75
	if hot && r.Float64() < k.fraction {
		return 0
	}
	return r.Uint32N(uint32(k.count))
}

func (k hotTimes) Count() int { return k.count }

func (k hotTimes) String() string { return fmt.Sprintf("hot-times:%v/%d", k.fraction, k.count) }

// keyMoves counts how often a key moves to the overflow topic, and out of it.
type keyMoves struct {
	mu         sync.Mutex
	in, out    map[harness.Protocol]int
	inOverflow map[string]bool // inOverflow says for each run whether the last completed record was in the overflow topic
}

func (p *keyMoves) countMove(cfg harness.Config, r *harness.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := r.Topic == cfg.SideTopics["overflow"]
	switch before := p.inOverflow[cfg.Topic]; {
	case now && !before:
		p.in[cfg.Protocol]++
	case before && !now:
		p.out[cfg.Protocol]++
	}
	p.inOverflow[cfg.Topic] = now
}

func (p *keyMoves) countsUnder(protocol harness.Protocol) (in, out int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.in[protocol], p.out[protocol]
}

// One key gets twice what a worker can do, a fifth of the load. Its records fill the window
// of keyed and hold up all other keys. With hotlane nine tenths of the other records take
// at most twice as long as without the hot key.
func TestHotlaneKeepsOtherKeysFast(t *testing.T) {
	for _, c := range []struct {
		name  string
		ratio func(float64) bool // ratio reports whether the hot key may slow others by a factor
		want  string
	}{
		{"hotlane", func(f float64) bool { return f <= 2 }, "2 at most"},
		{"keyed", func(f float64) bool { return f >= 5 }, "5 at least: the hot key must fill the window of keyed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			with, without := p90OfOtherKeys(t, c.name, load.Hot{Fraction: 0.2, Hot: 1, Others: 10_000}, 1000), p90OfOtherKeys(t, c.name, load.Uniform{N: 10_001}, 800)
			factor := float64(with) / float64(without)
			t.Logf("p90 of the other keys %v with the hot key, %v without: factor %.2f", with, without, factor)
			if !c.ratio(factor) {
				t.Errorf("the hot key slows others by a factor of %.2f, want %s", factor, c.want)
			}
		})
	}
}

// p90OfOtherKeys is the p90 of all keys but the first, from the producer's timestamp to the
// completed work.
func p90OfOtherKeys(t *testing.T, consumer string, keys harness.Keys, rate float64) time.Duration {
	t.Helper()
	s := trial.NewScenario("hot", "a key gets more than a worker can do", func(s *harness.Scenario) {
		s.Load = harness.Load{Pacer: load.Constant{Rate: rate, For: 10 * time.Second}, Keys: keys}
		s.Partitions, s.Pods, s.Workers, s.Window, s.Drain = 12, 3, 16, 200, 60*time.Second
	})
	var mu sync.Mutex
	var latencies []time.Duration
	name := registerWatched(t, consumer, func(_ harness.Config, r *harness.Record) {
		if !ledger.IsKey(r.Key, 0) {
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, time.Since(r.Timestamp))
		}
	})
	r := trial.RunVirtual(t, s, name, 1)
	if r.Status != harness.Pass {
		t.Fatalf("%s: %v\n%s", r.Status, r.Reasons, trial.DescribeFailures(r))
	}
	if r.Took > s.Drain { // the overflow topic ends in the control record of a transaction, which is no work
		t.Errorf("%s: the run took %v although all work was completed long before", consumer, r.Took)
	}
	slices.Sort(latencies)
	return latencies[len(latencies)*9/10]
}
