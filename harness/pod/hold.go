package pod

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// workHold lets one attempt at a time wait at a point of the work. Safe for many goroutines.
type workHold struct {
	armed atomic.Uint32 // the [harness.WorkPoint] of wanted, 0 for none: all that the work reads

	mu     sync.Mutex
	wanted *heldAttempt
}

// heldAttempt is an attempt that is to wait, or waits.
type heldAttempt struct {
	at       harness.WorkPoint
	reached  func() // reached is called once an attempt waits.
	released chan struct{}
	release  func() // release ends the wait, or the wish for one.
}

// arm lets the next attempt at the point wait, and no other one.
func (h *workHold) arm(at harness.WorkPoint, reached func()) *heldAttempt {
	a := &heldAttempt{at: at, reached: reached, released: make(chan struct{})}
	a.release = sync.OnceFunc(func() {
		h.disarm(a)
		close(a.released)
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wanted = a
	h.armed.Store(uint32(at))
	return a
}

func (h *workHold) disarm(a *heldAttempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wanted == a {
		h.wanted = nil
		h.armed.Store(0)
	}
}

// take is the attempt that is to wait at the point, once; nil for none.
func (h *workHold) take(at harness.WorkPoint) *heldAttempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.wanted
	if a == nil || a.at != at {
		return nil
	}
	h.wanted = nil
	h.armed.Store(0)
	return a
}

// passPoint lets the attempt wait if the harness wants one to wait there.
func (s *shim) passPoint(at harness.WorkPoint, r *harness.Record) {
	if s.hold.armed.Load() == uint32(at) {
		s.waitAtPoint(at, r)
	}
}

// waitAtPoint waits until the harness lets the attempt at r go on, or the pod has died. The
// journal has the wait before the harness knows of it.
func (s *shim) waitAtPoint(at harness.WorkPoint, r *harness.Record) {
	a := s.hold.take(at)
	if a == nil {
		return
	}
	slot, err := s.journalWait(at, r)
	if err != nil {
		_ = s.failWithoutJournal(err)
		return
	}
	a.reached()
	select {
	case <-a.released:
	case <-s.ended:
	}
	s.waitAlive() // a paused pod stands still
	_ = s.journalEnd(slot, ledger.OutcomeConfirmed, nil)
}

// journalWait journals that an attempt at r waits.
func (s *shim) journalWait(at harness.WorkPoint, r *harness.Record) (*ledger.Slot, error) {
	if s.gate != nil {
		if !s.gate.lockJournal() {
			return nil, errPodDead
		}
		defer s.gate.unlockJournal()
	}
	slot, err := s.journal.Reserve()
	if err != nil {
		return nil, err
	}
	slot.SetPosition(ledger.Position{Topic: s.topicNumber(r.Topic), Partition: r.Partition, Offset: r.Offset})
	slot.SetHeld(uint8(at), s.clock.Now())
	s.journal.Publish(slot, ledger.KindHeld, s.owner, 0)
	return slot, nil
}

// holdWork arms a hold, and waits until an attempt waits there. ended is closed at the end of the
// pod. arm calls reached once.
func holdWork(ctx context.Context, ended <-chan struct{}, arm func(reached func()) (release func())) (func(), error) {
	reached := make(chan struct{})
	release := arm(sync.OnceFunc(func() { close(reached) }))
	select {
	case <-reached:
		return release, nil
	case <-ended:
		release()
		return nil, fmt.Errorf("the pod has ended")
	case <-ctx.Done():
		release()
		return nil, context.Cause(ctx)
	}
}
