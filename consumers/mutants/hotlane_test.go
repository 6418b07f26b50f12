package mutants_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
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
	watched := watchHotlane()
	for _, p := range protocols {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				r := play(t, "virtual", spells(seed+1), watched.name+"@"+string(p), seed+1)
				if r.Status != harness.Pass {
					t.Errorf("seed %d: %s: %v\n%s", seed+1, r.Status, r.Reasons, firsts(r))
				}
			}
			came, went := watched.of(p)
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

// watch sees in which topic the effects of the hot key come, one after the other.
type watch struct {
	name string
	mu   sync.Mutex
	by   map[harness.Protocol]*passages
}

type passages struct {
	came, went int
	in         map[string]bool // in says of each run whether the last effect was in the lane
}

// watchHotlane is hotlane under a name that no other test looks at.
var watchHotlane = sync.OnceValue(func() *watch {
	w := &watch{name: "watched-hotlane", by: map[harness.Protocol]*passages{}}
	for _, i := range harness.Implementations() {
		if i.Name == "hotlane" {
			watched, makes := *i, i.New
			watched.Name, watched.Mutant = w.name, true
			watched.New = func(cfg harness.Config) (harness.Consumer, error) {
				c, err := makes(cfg)
				return watchedConsumer{c, w}, err
			}
			harness.Register(watched)
		}
	}
	return w
})

func (w *watch) of(p harness.Protocol) (came, went int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if by := w.by[p]; by != nil {
		return by.came, by.went
	}
	return 0, 0
}

func (w *watch) effect(cfg harness.Config, r *harness.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := w.by[cfg.Protocol]
	if by == nil {
		by = &passages{in: map[string]bool{}}
		w.by[cfg.Protocol] = by
	}
	now, run := r.Topic == cfg.Side["lane"], cfg.Side["lane"]
	switch was := by.in[run]; {
	case now && !was:
		by.came++
	case was && !now:
		by.went++
	}
	by.in[run] = now
}

type watchedConsumer struct {
	harness.Consumer
	*watch
}

func (c watchedConsumer) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	source := cfg.Topic
	return c.Consumer.Consume(ctx, cfg, watchedWork{w, func(r *harness.Record) {
		if ledger.IsKey(r.Key, 0) && (r.Topic == source || r.Topic == cfg.Side["lane"]) {
			c.effect(cfg, r)
		}
	}})
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
