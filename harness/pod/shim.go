package pod

import (
	"cmp"
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// shim is the application's work, measured. It takes no lock and allocates
// nothing, so that it does not serialise the workers it measures. It offers
// [harness.BatchWork] (batch.go) and [harness.PreparedWork] (prepare.go). Safe for many goroutines.
type shim struct {
	journal *ledger.Journal
	clock   ledger.Clock
	service harness.Service
	cpu     bool // of service
	failing *load.Failing
	slow    harness.Slowdown
	prepare float64       // prepare is the share of the work that Prepare takes
	began   *atomic.Int64 // began is when the load began, 0 before
	seed    uint64
	repeat  int
	run     uint64
	topics  []string // by number
	owner   ledger.Owner
	fail    func(error) // fail ends the pod: it can no longer be believed.
	gate    gate        // gate is nil in a process of its own.
	calls   calls       // calls are those for several records
}

// gate is between a pod that is no process and its journal: what the death or
// the stop of a process would keep from being written does not pass.
type gate interface {
	// enter waits while the pod is paused and reports whether it lives. If so
	// it does not end before leave, which must follow soon.
	enter() bool
	leave()
	// panicked ends the pod as a panic of its work does that nobody recovers, and
	// with it the goroutine.
	panicked(error)
}

// errDead is what the work says in a pod that is dead and still runs, as only a
// pod can that is no process.
var errDead = errors.New("the pod is dead")

func newShim(spec Spec, journal *ledger.Journal, clock ledger.Clock, fail func(error)) (*shim, error) {
	service, err := load.ParseService(spec.Service)
	if err != nil {
		return nil, err
	}
	began := new(atomic.Int64)
	began.Store(spec.Began)
	return &shim{
		prepare: cmp.Or(spec.Prepare, defaultPrepare),
		journal: journal, clock: clock, service: service, cpu: service.CPU(),
		failing: load.NewFailing(spec.Failures, spec.Seed, spec.Repeat), slow: spec.Slowdown, began: began,
		seed: spec.Seed, repeat: spec.Repeat, run: spec.Run, topics: spec.Topics, owner: spec.Owner, fail: fail,
	}, nil
}

// Do implements [harness.Work]. A context that has ended already makes no
// attempt. The end is in the journal before Do returns, or panics: what the
// consumer knows of its work, and may commit, survives its death.
func (s *shim) Do(ctx context.Context, r *harness.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	slot, key, seq, err := s.begin(r)
	if err != nil {
		return s.unable(err)
	}
	err = load.Work(ctx, s.left(r.Prepared, key, seq), s.cpu)
	if err == nil && key != ledger.NoIdentity {
		err = s.failing.Fail(key, seq)
	}
	return s.returned(s.end(slot, outcome(ctx, err), err))
}

// unable is the error of work that could not begin. The pod goes down with its
// journal.
func (s *shim) unable(err error) error {
	if err != errDead {
		s.fail(err)
	}
	return err
}

// returned is the error that the work returns, unless it panics.
func (s *shim) returned(err error) error {
	if err != load.ErrPanic {
		return err
	}
	if s.gate != nil {
		s.gate.panicked(err)
	}
	panic(err)
}

// serviceTime is how long the work on a record takes that begins now.
func (s *shim) serviceTime(key, seq uint32) time.Duration {
	d := load.ServiceTime(s.service, s.seed, s.repeat, key, seq)
	if s.slow.Factor == 0 {
		return d
	}
	if began := s.began.Load(); began != 0 {
		d = load.Slowed(s.slow, d, time.Duration(s.clock.Now()-began))
	}
	return d
}

// begin journals the start of an attempt at r alone.
func (s *shim) begin(r *harness.Record) (slot *ledger.Slot, key, seq uint32, err error) {
	if s.gate != nil {
		if !s.gate.enter() {
			return nil, 0, 0, errDead
		}
		defer s.gate.leave()
	}
	return s.open(r, s.clock.Now(), 0)
}

// open journals the start of an attempt at r, in a call for several records or in
// one of its own (0). It fills the slot in where it lies: each copy of a slot would
// wait for the writes before it. The caller gets what it needs of the slot, which a
// gate may take away.
func (s *shim) open(r *harness.Record, start int64, call uint32) (slot *ledger.Slot, key, seq uint32, err error) {
	id, flags := identity(r, s.run)
	if id.Key == ledger.NoIdentity { // the run never sent it
		id.Due, id.Sent = start, start
	}
	if slot, err = s.journal.Reserve(); err != nil {
		return nil, 0, 0, err
	}
	slot.Topic, slot.Partition, slot.Offset = s.topic(r.Topic), r.Partition, r.Offset
	slot.Key, slot.Seq, slot.Due, slot.Sent = id.Key, id.Seq, id.Due, id.Sent
	slot.Start, slot.Flags, slot.Count = start, flags, uint8(min(r.Deliveries, math.MaxUint8))
	s.journal.Publish(slot, ledger.KindAttempt, s.owner, call)
	return slot, id.Key, id.Seq, nil
}

// identity is which record of the run r is, of nobody if it is none.
func identity(r *harness.Record, run uint64) (id ledger.Identity, flags ledger.Flags) {
	id, err := ledger.DecodeIdentity(r.Value)
	switch {
	case err != nil:
		flags = ledger.FlagCorrupt
	case id.Run == run && !ledger.IsKey(r.Key, id.Key):
		flags = ledger.FlagCorrupt
	}
	if id.Run != run || err != nil && errors.Is(err, ledger.ErrNoIdentity) {
		id.Key, id.Seq = ledger.NoIdentity, ledger.NoIdentity
	}
	return id, flags
}

// end journals the end of an attempt and returns its error.
func (s *shim) end(slot *ledger.Slot, how ledger.Outcome, err error) error {
	if s.gate != nil {
		if !s.gate.enter() {
			return errDead
		}
		defer s.gate.leave()
	}
	s.journal.Finish(slot, s.clock.Now(), how)
	return err
}

// noTopic is the number of a topic that is none of the run's.
const noTopic = math.MaxUint16

// topic is the number of a topic of the run.
func (s *shim) topic(name string) uint16 {
	for n, known := range s.topics {
		if known == name {
			return uint16(n)
		}
	}
	return noTopic
}

func outcome(ctx context.Context, err error) ledger.Outcome {
	switch {
	case err == nil:
		return ledger.OutcomeEffect
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return ledger.OutcomeCancelled
	case errors.Is(err, harness.ErrPoison):
		return ledger.OutcomePoison
	}
	return ledger.OutcomeError
}
