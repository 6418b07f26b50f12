package consumers

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// shared is the workers of a pod for a consumer that is a member of several groups: no
// more calls of the work are under way at once, whichever member makes them.
type shared struct{ free chan struct{} }

func newShared(workers int) shared { return shared{make(chan struct{}, workers)} }

// idle reports whether a worker has nothing to do.
func (s shared) idle() bool { return len(s.free) < cap(s.free) }

// around is work that begins when a worker is free, and not after its context has ended.
func (s shared) around(w harness.Work) harness.Work { return sharedWork{w, s} }

type sharedWork struct {
	work harness.Work
	shared
}

func (s sharedWork) Do(ctx context.Context, r *harness.Record) error {
	select {
	case s.free <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.free }()
	if err := ctx.Err(); err != nil { // both had come
		return err
	}
	return s.work.Do(ctx, r)
}

// outlast is a context that ends so long after ctx, or when end is called, which must be.
func outlast(ctx context.Context, budget time.Duration) (working context.Context, end context.CancelFunc) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(budget)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-working.Done():
		}
	})
	return working, func() {
		stop()
		cancel()
	}
}
