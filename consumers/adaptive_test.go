package consumers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// downstream is work on something that does up to room calls at once in 10 ms, and
// more no faster: all take longer by as much.
type downstream struct {
	room         int64
	factor       atomic.Int64 // factor is how many times as long work takes
	under, calls atomic.Int64
}

func (d *downstream) Do(ctx context.Context, _ *harness.Record) error {
	n := d.under.Add(1)
	defer d.under.Add(-1)
	took := 10 * time.Millisecond * time.Duration(d.factor.Load()) * time.Duration(max(n, d.room)) / time.Duration(d.room)
	select {
	case <-time.After(took):
		d.calls.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// busy has workers call the work all the time, and looks at it each second.
func busy(t *testing.T, d *downstream, workers int, seconds int, look func(second int, calls int64, limit int)) {
	synctest.Test(t, func(t *testing.T) {
		l := newLatencyLimit(2, workers)
		w := l.wrapWork(d)
		ctx, cancel := context.WithCancel(t.Context())
		var pool sync.WaitGroup
		for range workers {
			pool.Go(func() {
				for ctx.Err() == nil {
					_ = w.Do(ctx, nil)
				}
			})
		}
		before := int64(0)
		for second := range seconds {
			time.Sleep(time.Second)
			calls := d.calls.Load()
			look(second, calls-before, l.limiter.Limit())
			before = calls
		}
		cancel()
		pool.Wait()
		if n := l.limiter.Inflight(); n != 0 {
			t.Errorf("%d permits are still out", n)
		}
	})
}

// 100 workers are too many for 30 calls at once: the limit comes down to somewhere
// there, and most of what is downstream is used all the time.
func TestLimitFallsToWhatTheDownstreamTakes(t *testing.T) {
	d := &downstream{room: 30}
	d.factor.Store(1)
	total := int64(0)
	busy(t, d, 100, 60, func(second int, calls int64, limit int) {
		if total += calls; second >= 15 && limit > 50 {
			t.Errorf("after %d s %d calls may be under way", second+1, limit)
		}
	})
	if share := float64(total) / (60 * 3000); share < 0.75 {
		t.Errorf("%.0f %% of what is downstream used", 100*share)
	}
}

// Where all get slow, however few call, the limit gives way and comes back.
func TestLimitRisesAgainAfterASlowPeriod(t *testing.T) {
	d := &downstream{room: 1000}
	d.factor.Store(1)
	lowest, last := 100, 0
	busy(t, d, 100, 40, func(second int, _ int64, limit int) {
		switch second {
		case 9:
			if limit != 100 {
				t.Errorf("the limit is %d before", limit)
			}
			d.factor.Store(10)
		case 15:
			d.factor.Store(1)
		}
		lowest, last = min(lowest, limit), limit
	})
	if lowest > 95 || last != 100 {
		t.Errorf("the lowest limit was %d, the last %d", lowest, last)
	}
}

func TestLimitReturnsPermitsOfFailedWork(t *testing.T) {
	fail := errors.New("no")
	l := newLatencyLimit(1, 1)
	w := l.wrapWork(failing{fail})
	for range 3 {
		if err := w.Do(t.Context(), nil); err != fail {
			t.Error(err)
		}
	}
	permit, err := l.limiter.AcquirePermit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Do(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("waits on: %v", err)
	}
	permit.Drop()
	if n := l.limiter.Inflight(); n != 0 {
		t.Errorf("%d permits are out", n)
	}
}
