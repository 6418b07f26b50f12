package load

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Work does the work of a service time: it sleeps d. With cpu it burns d of CPU time on
// its own thread: the same work on a busy machine, which then takes longer. It
// returns the error of ctx soon after ctx ends.
func Work(ctx context.Context, d time.Duration, cpu bool) error {
	switch {
	case d <= 0:
		return ctx.Err()
	case cpu:
		return burn(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spins is the number of rounds between two readings of the clock, about ten
// microseconds.
const spins = 10_000

func burn(ctx context.Context, d time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start, err := threadTime()
	if err != nil {
		return err
	}
	for x := uint64(start); ; {
		x = spin(x)
		now, err := threadTime()
		if err != nil {
			return err
		}
		if now-start >= d || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// spin keeps a core busy. Its result depends on every round, so that the compiler
// keeps them all.
//
//go:noinline
func spin(x uint64) uint64 {
	for range spins {
		x = mix(x)
	}
	return x
}

// threadTime is the CPU time of the calling thread.
func threadTime() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0, fmt.Errorf("read CPU time of the thread: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}
