package consumers

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// shared is the workers of a pod for a consumer that is a member of several groups: no
// more calls of the work are under way at once, whichever member makes them. Safe for
// concurrent use.
type shared struct {
	mu      sync.Mutex
	free    int
	waiting [2][]chan struct{} // waiting are calls that wait for a worker, those that go first and those that take what they leave
}

// The ranks of calls.
const (
	rankFirst = iota
	rankLast
)

func newShared(workers int) *shared { return &shared{free: workers} }

// idle reports whether a worker has nothing to do.
func (s *shared) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free > 0
}

// around is work that begins when a worker is free, and not after its context has ended.
func (s *shared) around(w harness.Work) harness.Work { return sharedWork{w, s, rankFirst} }

// behind is around for work that begins only when no other waits.
func (s *shared) behind(w harness.Work) harness.Work { return sharedWork{w, s, rankLast} }

type sharedWork struct {
	work harness.Work
	*shared
	rank int
}

func (w sharedWork) Do(ctx context.Context, r *harness.Record) error {
	if err := w.acquire(ctx, w.rank); err != nil {
		return err
	}
	defer w.release()
	return w.work.Do(ctx, r)
}

// acquire waits for a worker, or returns the error of ctx, which has ended.
func (s *shared) acquire(ctx context.Context, rank int) error {
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
		s.release() // both had come
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
		s.release()
	}
	return ctx.Err()
}

// release hands a worker on.
func (s *shared) release() {
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
