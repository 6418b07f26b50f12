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

// calls are the calls for several records.
type calls struct {
	last atomic.Uint32 // last is the number of the latest
	pool sync.Pool     // of *call
}

// call is one call for several records: an attempt at each.
type call struct{ attempts []attempt }

type attempt struct {
	slot     *ledger.Slot
	key, seq uint32
}

// DoBatch implements [harness.BatchWork]. The attempts lie in the journal in the
// order of the call, marked as its own, all begun in one instant and ended in one.
// A death in between leaves all of them open.
func (s *shim) DoBatch(ctx context.Context, records []harness.Record) error {
	if err := ctx.Err(); err != nil || len(records) == 0 {
		return err
	}
	c, _ := s.calls.pool.Get().(*call)
	if c == nil {
		c = &call{}
	}
	err := s.call(ctx, c, records)
	clear(c.attempts)
	c.attempts = c.attempts[:0]
	s.calls.pool.Put(c)
	return s.returned(err)
}

func (s *shim) call(ctx context.Context, c *call, records []harness.Record) error {
	if err := s.beginAll(c, records); err != nil {
		return s.unable(err)
	}
	longest := time.Duration(0)
	for i, a := range c.attempts {
		longest = max(longest, s.left(records[i].Prepared, a.key, a.seq))
	}
	err := load.Work(ctx, longest, s.cpu)
	if err == nil {
		err = s.failAll(c)
	}
	return s.endAll(c, outcome(ctx, err), err)
}

// failAll is how a call fails: by a panic if the work on one of its records
// panics, else as poison if one is, else as any of them. Each has been tried.
func (s *shim) failAll(c *call) (err error) {
	for _, a := range c.attempts {
		if a.key == ledger.NoIdentity {
			continue
		}
		switch one := s.failing.Fail(a.key, a.seq); {
		case one == nil || err == load.ErrPanic:
		case err == nil || one == load.ErrPanic || errors.Is(one, harness.ErrPoison):
			err = one
		}
	}
	return err
}

// beginAll journals the start of a call.
func (s *shim) beginAll(c *call, records []harness.Record) error {
	if s.gate != nil {
		if !s.gate.enter() {
			return errDead
		}
		defer s.gate.leave()
	}
	start, number := s.clock.Now(), s.nextCall()
	for i := range records {
		slot, key, seq, err := s.open(&records[i], start, number)
		if err != nil {
			return err
		}
		c.attempts = append(c.attempts, attempt{slot, key, seq})
	}
	return nil
}

// nextCall is the number of a new call, which is not 0.
func (s *shim) nextCall() uint32 {
	for {
		if n := s.calls.last.Add(1) & ledger.MaxCall; n != 0 {
			return n
		}
	}
}

// endAll journals the end of a call and returns its error.
func (s *shim) endAll(c *call, how ledger.Outcome, err error) error {
	if s.gate != nil {
		if !s.gate.enter() {
			return errDead
		}
		defer s.gate.leave()
	}
	end := s.clock.Now()
	for _, a := range c.attempts {
		s.journal.Finish(a.slot, end, how)
	}
	return err
}
