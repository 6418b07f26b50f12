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
	Doc: "As keyed, with a limit on the calls that run at once. The limit falls when the latency rises above its recent average, " +
		"or when more calls bring no more throughput. It rises again up to all workers. A latency that stays high becomes the new average.",
	Use:         "A downstream that gets slower with more calls at once, and that other clients need too. It costs some throughput: the limit swings around the best value.",
	Bound:       "As keyed, or the throughput at which the downstream begins to get slower, if that is lower.",
	Crash:       "As keyed.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Knobs: []harness.Knob{{
		Name: "least", Default: "2", Doc: "lowest limit of calls at once, or all workers if they are fewer",
		Check: func(v string) error { _, err := parseLeast(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		least, err := parseLeast(cfg.Knobs["least"])
		return pool.Sharded{Shard: pool.ByKey(), Wrap: func(w harness.Work) harness.Work {
			return newLatencyLimit(min(least, cfg.Workers), cfg.Workers).wrapWork(w)
		}}, err
	},
})

func parseLeast(v string) (int, error) { return knob.Count(v, "a number of calls", 1, 0) }

// latencyLimit limits the calls that run at once by their latency.
//
// The algorithm is the library's. It is similar to TCP Vegas and Netflix's
// concurrency-limits. It compares a short average of the p90 latency with a long one, to
// find how many calls queue downstream. It correlates the calls at once with throughput
// and latency, to find whether more calls help.
//
// An evaluation changes the limit by about its log10. So the limit starts at most: a lower
// guess would take long to correct. There are five evaluations a second. With the library's
// default of one, the way from 100 workers to 40 takes a minute.
type latencyLimit struct {
	limiter adaptivelimiter.AdaptiveLimiter[any]
}

const evaluationInterval = 200 * time.Millisecond

func newLatencyLimit(least, most int) latencyLimit {
	return latencyLimit{adaptivelimiter.NewBuilder[any]().
		WithLimits(uint(least), uint(most), uint(most)).
		WithMaxLimitFactor(float64(most)). // a low load must not lower the limit
		WithRecentWindow(evaluationInterval, 30*time.Second, 30).
		Build()}
}

func (l latencyLimit) wrapWork(w harness.Work) harness.Work {
	return harness.GateWork(w, l.acquirePermit)
}

func (l latencyLimit) acquirePermit(ctx context.Context) (func(error), error) {
	permit, err := l.limiter.AcquirePermit(ctx)
	if err != nil {
		return nil, err
	}
	return func(err error) {
		if err != nil {
			permit.Drop() // the time of a failure is no latency
			return
		}
		permit.Record()
	}, nil
}
