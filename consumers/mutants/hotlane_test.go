package mutants_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// TestHotlaneTakesAKeyInAndLetsItGo has a key that is hot for a while, then cold, and
// hot and cold again, while pods are killed, pause, leave and join at random: as many seeds
// as TestField has. The order of that key is what hangs on the design, so it must
// have come into the lane and out of it, in each run on the average.
func TestHotlaneTakesAKeyInAndLetsItGo(t *testing.T) {
	seeds, protocols := 3, harness.Protocols[:1]
	if n, err := strconv.Atoi(os.Getenv("STAMPEDE_FIELD")); err == nil {
		seeds, protocols = n, harness.Protocols
	}
	passed := &passages{came: map[harness.Protocol]int{}, went: map[harness.Protocol]int{}, in: map[string]bool{}}
	name := watched(t, "hotlane", func(cfg harness.Config, r *harness.Record) {
		if ledger.IsKey(r.Key, 0) {
			passed.effect(cfg, r)
		}
	})
	for _, p := range protocols {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				r := play(t, "virtual", spells(seed+1), name+"@"+string(p), seed+1)
				if r.Status != harness.Pass {
					t.Errorf("seed %d: %s: %v\n%s", seed+1, r.Status, r.Reasons, firsts(r))
				}
			}
			came, went := passed.of(p)
			t.Logf("%d runs: the key came into the lane %d times and went out of it %d times", seeds, came, went)
			if came < seeds || went < seeds {
				t.Errorf("in %d runs the key came into the lane %d times and went out of it %d times: want as many at least", seeds, came, went)
			}
		})
	}
}

// spells is chaos with a key that is hot at times: it gets twice what a worker can do.
func spells(seed uint64) harness.Scenario {
	s := chaos(seed)
	s.Name, s.Doc = "spells", "pods are killed, pause, leave and join at random, and a key is hot at times"
	pacer := load.Constant{Rate: 200, For: 15 * time.Second}
	s.Load = harness.Load{Pacer: pacer, Keys: spell{count: 40, share: 0.5, all: 200 * 15}}
	s.Service = load.Fixed(20 * time.Millisecond)
	return s
}

// spell is uniform but for two spells in which one key has a share of its own.
type spell struct {
	count int
	share float64
	all   uint64 // all is how many records there are
}

func (k spell) Key(n uint64, r *rand.Rand) uint32 {
	at := float64(n) / float64(k.all)
	hot := at >= 0.1 && at < 0.25 || at >= 0.6 && at < 0.75
	if hot && r.Float64() < k.share {
		return 0
	}
	return r.Uint32N(uint32(k.count))
}

func (k spell) Count() int { return k.count }

func (k spell) String() string { return fmt.Sprintf("spell:%v/%d", k.share, k.count) }

// passages are how often a key came into the lane, and went out of it.
type passages struct {
	mu         sync.Mutex
	came, went map[harness.Protocol]int
	in         map[string]bool // in says of each run whether the last effect was in the lane
}

func (p *passages) effect(cfg harness.Config, r *harness.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := r.Topic == cfg.SideTopics["overflow"]
	switch was := p.in[cfg.Topic]; {
	case now && !was:
		p.came[cfg.Protocol]++
	case was && !now:
		p.went[cfg.Protocol]++
	}
	p.in[cfg.Topic] = now
}

func (p *passages) of(protocol harness.Protocol) (came, went int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came[protocol], p.went[protocol]
}

// TestHotlaneSparesTheOtherKeys: a key gets twice what a worker can do, a fifth of the
// load. What comes of that fills the window of keyed and holds all other keys up; in
// hotlane nine tenths of their records take at most twice as long as without that key.
func TestHotlaneSparesTheOtherKeys(t *testing.T) {
	for _, c := range []struct {
		name string
		most float64 // most is how many times as long, 0 for no bound: at least five times
	}{{"hotlane", 2}, {"keyed", 0}} {
		t.Run(c.name, func(t *testing.T) {
			with, without := othersP90(t, c.name, load.Hot{Fraction: 0.2, Hot: 1, Others: 10_000}, 1000), othersP90(t, c.name, load.Uniform{N: 10_001}, 800)
			times := float64(with) / float64(without)
			t.Logf("p90 of the other keys %v with the hot key, %v without: %.2f times", with, without, times)
			if c.most > 0 && times > c.most {
				t.Errorf("%.2f times, want %v at most", times, c.most)
			}
			if c.most == 0 && times < 5 {
				t.Errorf("%.2f times: the hot key does not fill the window, and nothing is shown by the other design", times)
			}
		})
	}
}

// othersP90 is the p90, from the producer's stamp to the effect, of all keys but the first.
func othersP90(t *testing.T, consumer string, keys harness.Keys, rate float64) time.Duration {
	t.Helper()
	s := scene("hot", "a key gets more than a worker can do", func(s *harness.Scenario) {
		s.Load = harness.Load{Pacer: load.Constant{Rate: rate, For: 10 * time.Second}, Keys: keys}
		s.Partitions, s.Pods, s.Workers, s.Window, s.Drain = 12, 3, 16, 200, 60*time.Second
	})
	var mu sync.Mutex
	var took []time.Duration
	r := play(t, "virtual", s, watched(t, consumer, func(_ harness.Config, r *harness.Record) {
		if !ledger.IsKey(r.Key, 0) {
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(r.Timestamp))
		}
	}), 1)
	if r.Status != harness.Pass {
		t.Fatalf("%s: %v\n%s", r.Status, r.Reasons, firsts(r))
	}
	if r.Took > s.Drain { // the lane ends in the end of a transaction, which nobody works on
		t.Errorf("%s: all was done long before, and the run took %v", consumer, r.Took)
	}
	slices.Sort(took)
	return took[len(took)*9/10]
}

var watches atomic.Int64

// watched is a design under a name that no other test looks at. effect is told of its
// effects.
func watched(t *testing.T, name string, effect func(harness.Config, *harness.Record)) string {
	t.Helper()
	for _, i := range harness.Implementations() {
		if i.Name == name {
			copied := *i
			copied.Name, copied.Mutant = fmt.Sprintf("watched-%s-%d", name, watches.Add(1)), true
			copied.New = func(cfg harness.Config) (harness.Consumer, error) {
				c, err := i.New(cfg)
				return watchedConsumer{c, effect}, err
			}
			return harness.Register(copied).Name
		}
	}
	t.Fatalf("no consumer %s", name)
	return ""
}

type watchedConsumer struct {
	harness.Consumer
	effect func(harness.Config, *harness.Record)
}

func (c watchedConsumer) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return c.Consumer.Consume(ctx, cfg, watchedWork{w, func(r *harness.Record) { c.effect(cfg, r) }})
}

type watchedWork struct {
	harness.Work
	effect func(*harness.Record)
}

func (w watchedWork) Do(ctx context.Context, r *harness.Record) error {
	err := w.Work.Do(ctx, r)
	if err == nil {
		w.effect(r)
	}
	return err
}
