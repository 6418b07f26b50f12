package client

import (
	"context"
	"time"
)

// WithDrain is a context that ends so long after ctx, or when end is called, which must be.
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
