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
