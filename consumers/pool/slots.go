package pool

import (
	"context"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/harness"
)

// Slots are the workers of a pod, for a consumer that is a member of several groups: no more
// calls of the work run at once, whichever member makes them. Safe for concurrent use.
type Slots struct {
	mu      sync.Mutex
	free    int
	waiting [2][]chan struct{} // waiting are the calls that wait for a slot, by rank
}

// The ranks of calls. A call of rankLast gets a slot only if no call of rankFirst waits.
const (
	rankFirst = iota
	rankLast
)

// NewSlots makes n free slots.
func NewSlots(n int) *Slots { return &Slots{free: n} }

// HasFree reports whether a slot is free.
func (s *Slots) HasFree() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free > 0
}

// Wrap is work that begins when a slot is free. It has the abilities of w.
func (s *Slots) Wrap(w harness.Work) harness.Work { return s.wrapRanked(w, rankFirst) }

// WrapLast is Wrap for work that begins only when no other work waits for a slot.
func (s *Slots) WrapLast(w harness.Work) harness.Work { return s.wrapRanked(w, rankLast) }

func (s *Slots) wrapRanked(w harness.Work, rank int) harness.Work {
	leave := func(error) { s.releaseSlot() }
	return harness.GateWork(w, func(ctx context.Context) (func(error), error) {
		return leave, s.acquireSlot(ctx, rank)
	})
}

// acquireSlot waits for a slot. The error is that of ctx.
func (s *Slots) acquireSlot(ctx context.Context, rank int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.free > 0 { // then no call waits
		s.free--
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	s.waiting[rank] = append(s.waiting[rank], turn)
	s.mu.Unlock()
	select {
	case <-turn:
		if ctx.Err() == nil {
			return nil
		}
		s.releaseSlot() // the slot and the end of ctx came together
		return ctx.Err()
	case <-ctx.Done():
	}
	s.mu.Lock()
	i := slices.Index(s.waiting[rank], turn)
	if i >= 0 {
		s.waiting[rank] = slices.Delete(s.waiting[rank], i, i+1)
	}
	s.mu.Unlock()
	if i < 0 { // it got a slot at that moment
		s.releaseSlot()
	}
	return ctx.Err()
}

// releaseSlot passes a slot on to the next call that waits.
func (s *Slots) releaseSlot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rank, line := range s.waiting {
		if len(line) > 0 {
			close(line[0])
			s.waiting[rank] = slices.Delete(line, 0, 1)
			return
		}
	}
	s.free++
}
