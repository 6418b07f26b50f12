package pod

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// batchCalls are the calls of DoBatch.
type batchCalls struct {
	last atomic.Uint32 // last is the number of the latest call
	pool sync.Pool     // of *batchCall
}

// batchCall is one call of DoBatch: an attempt at each of its records.
type batchCall struct{ attempts []attempt }

type attempt struct {
	slot     *ledger.Slot
	key, seq uint32
}

// DoBatch implements [harness.BatchWork]. The journal has the attempts in the order of
// the records, with the number of the call. All start at one instant and all end at
// one. A death in between leaves all of them open.
func (s *shim) DoBatch(ctx context.Context, records []harness.Record) error {
	if err := ctx.Err(); err != nil || len(records) == 0 {
		return err
	}
	c, _ := s.calls.pool.Get().(*batchCall)
	if c == nil {
		c = &batchCall{}
	}
	err := s.runBatchCall(ctx, c, records)
	clear(c.attempts)
	c.attempts = c.attempts[:0]
	s.calls.pool.Put(c)
	return s.panicOrReturn(err)
}

func (s *shim) runBatchCall(ctx context.Context, c *batchCall, records []harness.Record) error {
	if err := s.journalBatchStart(c, records); err != nil {
		return s.failWithoutJournal(err)
	}
	s.passPoint(harness.BeforeWork, &records[0])
	longest, began := time.Duration(0), s.beganToFail()
	for i, a := range c.attempts {
		longest = max(longest, s.remainingWork(records[i].Prepared, a.key, a.seq))
	}
	err := load.Work(ctx, longest, s.cpu)
	if err == nil {
		err = s.failBatch(c, began)
	}
	if err == nil {
		s.passPoint(harness.AfterWork, &records[0])
	}
	if err = s.journalBatchEnd(c, outcomeOf(ctx, err), err); err == nil {
		s.passPoint(harness.AfterEffect, &records[0])
	}
	return err
}

// failBatch is the error of a call: a panic if the work on one of its records panics,
// else poison if one is poison, else the error of any record. Each record counts as
// tried. The call began so long after the start of the load.
func (s *shim) failBatch(c *batchCall, began time.Duration) (err error) {
	for _, a := range c.attempts {
		if a.key == ledger.NoIdentity {
			continue
		}
		switch one := s.failing.Fail(a.key, a.seq, began); {
		case one == nil || err == load.ErrPanic:
		case err == nil || one == load.ErrPanic || errors.Is(one, harness.ErrPoison):
			err = one
		}
	}
	return err
}

// journalBatchStart journals the start of all attempts of a call.
func (s *shim) journalBatchStart(c *batchCall, records []harness.Record) error {
	if s.gate != nil {
		if !s.gate.lockJournal() {
			return errPodDead
		}
		defer s.gate.unlockJournal()
	}
	start, number := s.clock.Now(), s.nextCallNumber()
	for i := range records {
		slot, key, seq, err := s.publishAttempt(&records[i], start, number)
		if err != nil {
			return err
		}
		c.attempts = append(c.attempts, attempt{slot, key, seq})
	}
	return nil
}

// nextCallNumber is the number of a new call. It is never 0.
func (s *shim) nextCallNumber() uint32 {
	for {
		if n := s.calls.last.Add(1) & ledger.MaxCall; n != 0 {
			return n
		}
	}
}

// journalBatchEnd journals the end of all attempts of a call and returns err.
func (s *shim) journalBatchEnd(c *batchCall, how ledger.Outcome, err error) error {
	if s.gate != nil {
		if !s.gate.lockJournal() {
			return errPodDead
		}
		defer s.gate.unlockJournal()
	}
	end := s.clock.Now()
	for _, a := range c.attempts {
		s.journal.Finish(a.slot, end, how)
	}
	return err
}
