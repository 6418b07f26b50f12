package consumers_test

import (
	"sync"
	"testing"
	"time"
)

// stalls notices when the machine gives this process no processor for a while. Sessions and
// locks of the tests are a second and more, so a promise that is broken then says nothing about
// a design. In virtual time there are no stalls.
type stalls struct {
	mu      sync.Mutex
	last    time.Time     // last is when the last stall ended
	longest time.Duration // longest is the longest stall of the process
}

const (
	stallTick  = 20 * time.Millisecond
	stallFrom  = 150 * time.Millisecond // stallFrom is how late a tick is a stall
	stallGrace = 5 * time.Second        // stallGrace is how long a stall has consequences, such as a lost session
)

// watchStalls watches until the test ends.
func watchStalls(t *testing.T) *stalls {
	s, done := new(stalls), make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for before := time.Now(); ; {
			select {
			case <-done:
				return
			case <-time.After(stallTick):
			}
			now := time.Now()
			s.note(now, now.Sub(before)-stallTick)
			before = now
		}
	})
	t.Cleanup(func() { close(done); watching.Wait() })
	return s
}

func (s *stalls) note(at time.Time, late time.Duration) {
	if late < stallFrom {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.longest = at, max(s.longest, late)
}

// since returns the longest stall of the process so far, or 0 if a test that began at start
// felt none.
func (s *stalls) since(start time.Time) time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.After(start.Add(-stallGrace)) {
		return 0
	}
	return s.longest
}

// Errorf fails the test, or skips it if the machine stood still meanwhile.
func (w *world) Errorf(format string, args ...any) {
	w.Helper()
	w.skipIfStalled(format, args...)
	w.T.Errorf(format, args...)
}

// Fatalf is Errorf that ends the test.
func (w *world) Fatalf(format string, args ...any) {
	w.Helper()
	w.skipIfStalled(format, args...)
	w.T.Fatalf(format, args...)
}

// Error is Errorf without a format.
func (w *world) Error(args ...any) {
	w.Helper()
	w.skipIfStalled("%v", args)
	w.T.Error(args...)
}

// Fatal is Fatalf without a format.
func (w *world) Fatal(args ...any) {
	w.Helper()
	w.skipIfStalled("%v", args)
	w.T.Fatal(args...)
}

func (w *world) skipIfStalled(format string, args ...any) {
	w.Helper()
	longest := w.stalls.since(w.began)
	if longest == 0 {
		return
	}
	w.Logf(format, args...)
	w.Logf("the machine gave this process no processor for %v", longest)
	w.Skip("the machine was too slow to judge this; TestConformanceInVirtualTime does")
}

func TestStallIsNoticedByTheTestsThatFeelIt(t *testing.T) {
	var s stalls
	at := time.Now()
	s.note(at, stallFrom-1)
	if s.since(at.Add(-time.Hour)) != 0 {
		t.Error("a short delay is a stall")
	}
	s.note(at, stallFrom)
	if s.since(at.Add(-time.Hour)) != stallFrom || s.since(at.Add(stallGrace/2)) == 0 || s.since(at.Add(2*stallGrace)) != 0 {
		t.Error("a stall belongs to tests that run while it has consequences, and to no others")
	}
	if (*stalls)(nil).since(at) != 0 {
		t.Error("virtual time has stalls")
	}
}
