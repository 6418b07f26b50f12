package consumers

import (
	"context"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/stampede-bench/stampede/consumers/internal/knob"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "adaptive",
	Doc: "As keyed, with no more work under way at once than what is downstream takes without getting slower: a limit falls while its latency " +
		"is above what it was lately, or rises with the calls under way and the throughput does not, and rises again up to all workers. It spares " +
		"what is downstream, and costs some throughput around the best limit, which it swings about; a latency that is high for good becomes the new measure.",
	Use:         "A downstream that gets slower the more calls are under way, and that others need too.",
	Bound:       "As keyed, or what is downstream takes without getting slower.",
	Crash:       "As keyed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers },
	Knobs: []harness.Knob{{
		Name: "least", Default: "2", Doc: "calls under way at once that it never goes below, as far as there are workers",
		Check: func(v string) error { _, err := leastLimit(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		least, err := leastLimit(cfg.Knobs["least"])
		return pool.Sharded{Shard: pool.ByKey(), Batch: 1, Wrap: limit(min(least, cfg.Workers), cfg.Workers)}, err
	},
})

// looks is how often the limit is looked at.
const looks = 200 * time.Millisecond

func leastLimit(v string) (int, error) { return knob.Count(v, "a number of calls", 1, 0) }

// limit returns work that has between least and most calls under way at once, as
// its latency allows. The algorithm is the library's, in the line of TCP Vegas and
// Netflix's concurrency-limits: the ratio of a long average of the latency's p90 to a
// short one tells how many calls queue downstream, and the correlation of calls under
// way with throughput and latency whether more are of any use. Each look changes the
// limit by about log10 of it: it starts from most, not from a guess that it would take
// long to correct, and looks five times a second where there are calls enough; the
// library's own pace of once a second takes a minute from 100 workers to 40.
func limit(least, most int) func(harness.Work) harness.Work {
	return func(w harness.Work) harness.Work {
		return limited{w, adaptivelimiter.NewBuilder[any]().
			WithLimits(uint(least), uint(most), uint(most)).
			WithMaxLimitFactor(float64(most)). // few calls because there is little to do lower no limit
			WithRecentWindow(looks, 30*time.Second, 30).
			Build()}
	}
}

type limited struct {
	work    harness.Work
	limiter adaptivelimiter.AdaptiveLimiter[any]
}

func (l limited) Do(ctx context.Context, r *harness.Record) error {
	permit, err := l.limiter.AcquirePermit(ctx)
	if err != nil {
		return err
	}
	if err = l.work.Do(ctx, r); err != nil {
		permit.Drop() // how soon it failed says nothing of how long it takes
		return err
	}
	permit.Record()
	return nil
}
