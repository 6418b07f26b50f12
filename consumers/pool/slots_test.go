package pool

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/harness"
)

// heldWork is work that begins and waits to be told to end.
type heldWork struct {
	mu    sync.Mutex
	begun []int64
	end   chan struct{}
}

func (h *heldWork) Do(_ context.Context, r *harness.Record) error {
	h.mu.Lock()
	h.begun = append(h.begun, r.Offset)
	h.mu.Unlock()
	<-h.end
	return nil
}

func TestSlotsGoToCallsByRankAndThenByArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heldWork{end: make(chan struct{})}
		s := NewSlots(2)
		first, last := s.Wrap(h), s.WrapLast(h)
		var all sync.WaitGroup
		do := func(w harness.Work, offset int64) {
			all.Go(func() { _ = w.Do(t.Context(), &harness.Record{Offset: offset}) })
			synctest.Wait()
		}
		do(last, 0) // no other call waits
		do(first, 1)
		do(last, 2)
		do(last, 3)
		do(first, 4)
		do(first, 5)
		for range 6 {
			h.end <- struct{}{}
			synctest.Wait()
		}
		all.Wait()
		if want := []int64{0, 1, 4, 5, 2, 3}; !slices.Equal(h.begun, want) {
			t.Errorf("begun in the order %v, want %v", h.begun, want)
		}
		if s.free != 2 {
			t.Errorf("%d slots free at the end, want 2", s.free)
		}
	})
}

// A call that is cancelled keeps no slot, even if it just got one.
func TestCancelledCallsLoseNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heldWork{end: make(chan struct{})}
		s := NewSlots(1)
		go func() { _ = s.Wrap(h).Do(t.Context(), &harness.Record{}) }()
		synctest.Wait()
		for rank := range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			gone := make(chan error, 1)
			go func() { gone <- s.acquireSlot(ctx, rank) }()
			synctest.Wait()
			cancel()
			if err := <-gone; !errors.Is(err, context.Canceled) {
				t.Errorf("rank %d: %v", rank, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		both := make(chan error, 1)
		go func() { both <- s.acquireSlot(ctx, rankLast) }()
		synctest.Wait()
		cancel()
		h.end <- struct{}{} // at the same moment
		if err := <-both; err == nil {
			s.releaseSlot()
		}
		synctest.Wait()
		if s.free != 1 || len(s.waiting[rankFirst])+len(s.waiting[rankLast]) > 0 {
			t.Errorf("%d slots free and %v waiting, want one and none", s.free, s.waiting)
		}
	})
}
