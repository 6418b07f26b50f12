package load

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

func TestWorkTakesItsTime(t *testing.T) {
	for _, cpu := range []bool{false, true} {
		start := time.Now()
		if err := Work(t.Context(), 3*time.Millisecond, cpu); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 3*time.Millisecond {
			t.Errorf("cpu %v: done after %v of 3ms", cpu, took)
		}
	}
}

func TestWorkBurnsCPU(t *testing.T) {
	runtime.LockOSThread() // what the work uses is read from its own thread
	defer runtime.UnlockOSThread()
	used := func(cpu bool) time.Duration {
		before, err := threadTime()
		if err != nil {
			t.Fatal(err)
		}
		if err := Work(t.Context(), 20*time.Millisecond, cpu); err != nil {
			t.Fatal(err)
		}
		after, err := threadTime()
		if err != nil {
			t.Fatal(err)
		}
		return after - before
	}
	if d := used(true); d < 20*time.Millisecond {
		t.Errorf("burning 20ms used %v of CPU", d)
	}
	if d := used(false); d >= 20*time.Millisecond {
		t.Errorf("sleeping 20ms used %v of CPU", d)
	}
}

func TestWorkStopsWithItsContext(t *testing.T) {
	for _, cpu := range []bool{false, true} {
		for _, d := range []time.Duration{0, time.Hour} {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := Work(ctx, d, cpu); !errors.Is(err, context.Canceled) {
				t.Errorf("cpu %v, %v of work, context ended before: %v", cpu, d, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Work(ctx, time.Hour, cpu) }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cpu %v, context ended meanwhile: %v", cpu, err)
		}
	}
	if err := Work(t.Context(), 0, false); err != nil {
		t.Errorf("no work: %v", err)
	}
}
