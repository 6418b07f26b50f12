package pool

import (
	"context"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/harness"
)

// Slots is the workers of a pod for a consumer that is a member of several groups: no
// more calls of the work are under way at once, whichever member makes them. Safe for
// concurrent use.
type Slots struct {
	mu      sync.Mutex
	free    int
	waiting [2][]chan struct{} // waiting are calls that wait for a worker, those that go first and those that take what they leave
}

// The ranks of calls.
const (
	rankFirst = iota
	rankLast
)

func NewSlots(workers int) *Slots { return &Slots{free: workers} }

// HasFree reports whether a worker has nothing to do.
func (s *Slots) HasFree() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free > 0
}

// Wrap is work that begins when a worker is free, and not after its context has ended.
func (s *Slots) Wrap(w harness.Work) harness.Work { return slotWork{w, s, rankFirst} }

// WrapLast is around for work that begins only when no other waits.
func (s *Slots) WrapLast(w harness.Work) harness.Work { return slotWork{w, s, rankLast} }

type slotWork struct {
	work harness.Work
	*Slots
	rank int
}

func (w slotWork) Do(ctx context.Context, r *harness.Record) error {
	if err := w.acquireSlot(ctx, w.rank); err != nil {
		return err
	}
	defer w.releaseSlot()
	return w.work.Do(ctx, r)
}

// acquireSlot waits for a worker, or returns the error of ctx, which has ended.
func (s *Slots) acquireSlot(ctx context.Context, rank int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.free > 0 { // then nobody waits
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
		s.releaseSlot() // both had come
		return ctx.Err()
	case <-ctx.Done():
	}
	s.mu.Lock()
	i := slices.Index(s.waiting[rank], turn)
	if i >= 0 {
		s.waiting[rank] = slices.Delete(s.waiting[rank], i, i+1)
	}
	s.mu.Unlock()
	if i < 0 { // it had its turn at that moment
		s.releaseSlot()
	}
	return ctx.Err()
}

// releaseSlot hands a worker on.
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
