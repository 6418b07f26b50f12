package pod

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// shim is the work of the application, measured. It takes no lock and allocates
// nothing, so that it does not serialise the workers it measures. It implements
// [harness.BatchWork] (batch.go) and [harness.PreparedWork] (prepared.go). Safe for
// many goroutines.
type shim struct {
	journal    *ledger.Journal
	clock      ledger.Clock
	service    harness.Service
	cpu        bool // cpu: the service time burns CPU
	failing    *load.Failing
	slow       load.Slowing
	prepare    float64       // prepare is the part of the work that Prepare does, between 0 and 1
	loadStart  *atomic.Int64 // loadStart is the start of the load; 0 before it is known
	seed       uint64
	repeat     int
	run        uint64
	partitions int      // partitions of the source
	keyless    bool     // keyless: the records of the run have no key.
	topics     []string // topics are the names of the topics, by number
	owner      ledger.Owner
	failPod    func(error) // failPod ends the pod after a fault of the harness.
	gate       gate        // gate is nil in a pod that is a process.
	hold       *workHold
	ended      <-chan struct{} // ended is closed at the death of a pod that runs as goroutines, nil in a process.
	calls      batchCalls      // calls number the calls of DoBatch
}

// gate stands between the journal and a pod that runs as goroutines. It holds back
// what a process could not write while it is stopped, or after its death.
type gate interface {
	// lockJournal waits while the pod is paused and reports whether the pod is alive.
	// If it is, the pod cannot end before unlockJournal, which must follow soon.
	lockJournal() bool
	lockUnlessDead() bool // lockUnlessDead is the same without the wait.
	unlockJournal()
	// dieOfPanic ends the pod as an unrecovered panic of the work would, and ends the
	// calling goroutine.
	dieOfPanic(error)
}

// errPodDead is the error of work in a dead pod. Only goroutines can run after the
// death of their pod.
var errPodDead = errors.New("the pod is dead")

func newShim(spec Spec, journal *ledger.Journal, clock ledger.Clock, fail func(error)) (*shim, error) {
	service, err := load.ParseService(spec.Service)
	if err != nil {
		return nil, err
	}
	began := new(atomic.Int64)
	began.Store(spec.LoadStart)
	return &shim{
		prepare: PreparedPart(spec.Prepare),
		journal: journal, clock: clock, service: service, cpu: service.CPU(),
		failing: load.NewFailing(spec.Failures, spec.Seed, spec.Repeat), slow: load.NewSlowing(spec.Slowdown, spec.Seed, spec.Repeat), loadStart: began,
		hold: &workHold{}, seed: spec.Seed, repeat: spec.Repeat, run: spec.Run, topics: spec.Topics, partitions: spec.Partitions, keyless: spec.Keyless, owner: spec.Owner, failPod: fail,
	}, nil
}

// Do implements [harness.Work]. If the context has ended, Do makes no attempt. The end
// of the attempt is in the journal before Do returns or panics. So whatever the
// consumer knows of its work, and may commit, survives its death.
func (s *shim) Do(ctx context.Context, r *harness.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	slot, key, seq, err := s.journalStart(r)
	if err != nil {
		return s.failWithoutJournal(err)
	}
	s.passPoint(harness.BeforeWork, r)
	began := s.beganToFail()
	err = load.Work(ctx, s.remainingWork(r.Prepared, key, seq), s.cpu)
	if err == nil && key != ledger.NoIdentity {
		err = s.failing.Fail(key, seq, began)
	}
	if err == nil {
		s.passPoint(harness.AfterWork, r)
	}
	if err = s.journalEnd(slot, outcomeOf(ctx, err), err); err == nil {
		s.passPoint(harness.AfterEffect, r)
	}
	return s.panicOrReturn(err)
}

// failWithoutJournal ends the pod because its journal failed, and returns the error.
func (s *shim) failWithoutJournal(err error) error {
	if err != errPodDead {
		s.failPod(err)
	}
	return err
}

// panicOrReturn panics if the work is to panic, and returns its error otherwise.
func (s *shim) panicOrReturn(err error) error {
	if err != load.ErrPanic {
		return err
	}
	if s.gate != nil {
		s.gate.dieOfPanic(err)
	}
	panic(err)
}

// serviceTime is the duration of the work on a record that starts now.
func (s *shim) serviceTime(key, seq uint32) time.Duration {
	d := load.ServiceTime(s.service, s.seed, s.repeat, key, seq)
	if !s.slow.Slows() {
		return d
	}
	return s.slow.SlowedTime(d, key, seq, s.sinceLoadStart())
}

// beganToFail is the time since the start of the load, for [load.Failing.Fail]. It reads no
// clock if no work fails.
func (s *shim) beganToFail() time.Duration {
	if s.failing == nil {
		return 0
	}
	return s.sinceLoadStart()
}

// sinceLoadStart is the time since the start of the load, below zero before it.
func (s *shim) sinceLoadStart() time.Duration {
	start := s.loadStart.Load()
	if start == 0 {
		return -1
	}
	return time.Duration(s.clock.Now() - start)
}

// journalStart journals the start of an attempt at r in a call of Do.
func (s *shim) journalStart(r *harness.Record) (slot *ledger.Slot, key, seq uint32, err error) {
	if s.gate != nil {
		if !s.gate.lockJournal() {
			return nil, 0, 0, errPodDead
		}
		defer s.gate.unlockJournal()
	}
	return s.publishAttempt(r, s.clock.Now(), 0)
}

// publishAttempt journals the start of an attempt at r. call is the number of a call of
// DoBatch, 0 in Do. It fills the slot in place: each copy of a slot would wait for the
// writes before it. It returns what the caller needs of the slot, because a gate may
// unmap it.
func (s *shim) publishAttempt(r *harness.Record, start int64, call uint32) (slot *ledger.Slot, key, seq uint32, err error) {
	id, flags := s.identifyRecord(r)
	if id.Key == ledger.NoIdentity { // the run did not send it
		id.Due, id.Sent = start, start
	}
	if slot, err = s.journal.Reserve(); err != nil {
		return nil, 0, 0, err
	}
	at := ledger.Position{Topic: s.topicNumber(r.Topic), Partition: r.Partition, Offset: r.Offset}
	if at.Topic == 0 && id.Log > 0 {
		at.Partition = ledger.PartitionInLog(at.Partition, id.Log, s.partitions)
	}
	slot.SetPosition(at)
	slot.SetRecord(&id)
	slot.SetAttempt(start, r.Deliveries)
	slot.Flags = flags
	s.journal.Publish(slot, ledger.KindAttempt, s.owner, call)
	return slot, id.Key, id.Seq, nil
}

// identifyRecord decodes the identity of r. A record of another run has NoIdentity.
func (s *shim) identifyRecord(r *harness.Record) (id ledger.Identity, flags ledger.Flags) {
	id, err := ledger.DecodeIdentity(r.Value)
	switch {
	case err != nil:
		flags = ledger.FlagCorrupt
	case id.Run == s.run && s.keyless && len(r.Key) > 0, id.Run == s.run && !s.keyless && !ledger.IsKey(r.Key, id.Key):
		flags = ledger.FlagCorrupt
	}
	if id.Run != s.run || err != nil && errors.Is(err, ledger.ErrNoIdentity) {
		id.Key, id.Seq = ledger.NoIdentity, ledger.NoIdentity
	}
	return id, flags
}

// journalEnd journals the end of an attempt and returns err.
func (s *shim) journalEnd(slot *ledger.Slot, how ledger.Outcome, err error) error {
	if s.gate != nil {
		if !s.gate.lockJournal() {
			return errPodDead
		}
		defer s.gate.unlockJournal()
	}
	s.journal.Finish(slot, s.clock.Now(), how)
	return err
}

// unknownTopic is the number of a topic that does not belong to the run.
const unknownTopic = math.MaxUint16

// topicNumber is the number of a topic of the run.
func (s *shim) topicNumber(name string) uint16 {
	for n, known := range s.topics {
		if known == name {
			return uint16(n)
		}
	}
	return unknownTopic
}

func outcomeOf(ctx context.Context, err error) ledger.Outcome {
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
