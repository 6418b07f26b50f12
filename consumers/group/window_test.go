package group

import (
	"context"
	"testing"
)

func TestWindowWaitsForAStepOfRoom(t *testing.T) {
	w := NewWindow(100, 20, 50)
	if w.step != 20 {
		t.Fatalf("step %d, want a quarter of the 80 beyond the workers", w.step)
	}
	if room := w.WaitForRoom(t.Context()); room != 100 {
		t.Fatalf("room %d of an empty window, want 100", room)
	}
	w.Reserve(100)
	got := make(chan int)
	go func() { got <- w.WaitForRoom(t.Context()) }()
	w.Release(19)
	select {
	case room := <-got:
		t.Fatalf("room %d given out below the step", room)
	default:
	}
	w.Release(1)
	if room := <-got; room != 20 {
		t.Fatalf("room %d, want 20", room)
	}
}

func TestWindowGivesUpWithItsContext(t *testing.T) {
	w := NewWindow(10, 10, 100)
	w.Reserve(10)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan int)
	go func() { got <- w.WaitForRoom(ctx) }()
	cancel()
	if room := <-got; room != 0 {
		t.Fatalf("room %d of a full window", room)
	}
}

func TestWindowAlwaysHasAStep(t *testing.T) {
	for _, c := range []struct{ size, workers, poll, step int }{{1, 1, 1, 1}, {10, 50, 100, 1}, {500, 50, 100, 100}, {500, 50, 20, 20}} {
		if w := NewWindow(c.size, c.workers, c.poll); w.step != int64(c.step) {
			t.Errorf("window %d, %d workers, poll %d: step %d, want %d", c.size, c.workers, c.poll, w.step, c.step)
		}
	}
}
