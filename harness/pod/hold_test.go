package pod

import (
	"context"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// What the journal has of an attempt that waits at each point.
func TestAttemptWaitsAtEachPoint(t *testing.T) {
	const service = 30 * time.Millisecond
	for _, batch := range []bool{false, true} {
		for _, tt := range []struct {
			at   harness.WorkPoint
			how  ledger.Outcome
			done bool // done: the work has taken its time.
		}{
			{harness.BeforeWork, ledger.OutcomeOpen, false},
			{harness.AfterWork, ledger.OutcomeOpen, true},
			{harness.AfterEffect, ledger.OutcomeEffect, true},
		} {
			s, journal := testShim(t, service.String())
			reached, returned := make(chan int64, 1), make(chan error, 1)
			held := s.hold.arm(tt.at, func() { reached <- s.clock.Now() })
			go func() {
				r := testRecord(ledger.Identity{Run: testRun, Key: 1})
				if batch {
					returned <- s.DoBatch(context.Background(), []harness.Record{*r})
				} else {
					returned <- s.Do(context.Background(), r)
				}
			}()
			at := <-reached
			slots := readSlots(t, journal)
			if len(slots) != 2 || slots[1].Kind() != ledger.KindHeld || slots[1].Outcome() != ledger.OutcomeOpen ||
				slots[1].HeldAt() != uint8(tt.at) || slots[1].Position() != slots[0].Position() || slots[1].Start() > at {
				t.Errorf("point %d, batch %v: %d slots, the second %+v; want one of the wait", tt.at, batch, len(slots), slots[len(slots)-1])
			}
			slot := slots[0]
			if slot.Outcome() != tt.how || (at-slot.Start() >= int64(service)) != tt.done {
				t.Errorf("point %d, batch %v: outcome %v after %v", tt.at, batch, slot.Outcome(), time.Duration(at-slot.Start()))
			}
			select {
			case <-returned:
				t.Errorf("point %d, batch %v: it went on without a release", tt.at, batch)
			default:
			}
			held.release()
			if err := <-returned; err != nil {
				t.Errorf("point %d, batch %v: %v", tt.at, batch, err)
			}
			slots = readSlots(t, journal)
			if slots[0].Outcome() != ledger.OutcomeEffect || slots[1].Outcome() != ledger.OutcomeConfirmed || slots[1].End() < at {
				t.Errorf("point %d, batch %v: outcomes %v and %v in the end", tt.at, batch, slots[0].Outcome(), slots[1].Outcome())
			}
		}
	}
}

func TestOneAttemptWaitsAndTheNextOnePasses(t *testing.T) {
	s, _ := testShim(t, "0s")
	reached := make(chan struct{})
	held := s.hold.arm(harness.AfterWork, func() { close(reached) })
	do := func() error { return s.Do(context.Background(), testRecord(ledger.Identity{Run: testRun})) }
	first := make(chan error, 1)
	go func() { first <- do() }()
	<-reached
	if err := do(); err != nil {
		t.Error(err)
	}
	held.release()
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestHoldThatIsGivenUpHoldsNothing(t *testing.T) {
	s, _ := testShim(t, "0s")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := holdWork(ctx, nil, func(reached func()) func() { return s.hold.arm(harness.BeforeWork, reached).release }); err == nil {
		t.Error("no error")
	}
	if err := s.Do(t.Context(), testRecord(ledger.Identity{Run: testRun})); err != nil {
		t.Error(err)
	}
}
