package client

import (
	"context"
	"time"
)

// WithDrain is a context that ends a budget after ctx, or when end is called. The caller must
// call end.
func WithDrain(ctx context.Context, budget time.Duration) (working context.Context, end context.CancelFunc) {
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

// waitFor waits for a time, and reports whether ctx has not ended before.
func waitFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
