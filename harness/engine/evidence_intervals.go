package engine

import (
	"errors"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// writeIntervals journals what only the engine knows: the expulsions, the times at which
// each incarnation ran, and the intervals of the faults.
func (e *evidence) writeIntervals() error {
	if err := e.writeExpulsions(); err != nil {
		return err
	}
	e.checkCommitsAnswered()
	e.checkObserversKeptUp()
	if err := e.writeIncarnations(); err != nil {
		return err
	}
	return e.writeFaults()
}

// writeIncarnations journals when each incarnation started and ended.
func (e *evidence) writeIncarnations() error {
	for _, in := range e.fleet.Incarnations() {
		up := ledger.NewSlot(ledger.KindUp, in.Owner).With(ledger.OutcomeConfirmed)
		up.SetAt(in.Up)
		down := ledger.NewSlot(ledger.KindDown, in.Owner).With(ledger.OutcomeConfirmed)
		down.SetAt(in.Down)
		if err := errors.Join(e.observed.Append(up), e.observed.Append(down)); err != nil {
			return err
		}
	}
	return nil
}

// writeFaults journals when each fault was injected and healed.
func (e *evidence) writeFaults() error {
	for i, o := range e.course.load.faults.injectedFaults() {
		inject := ledger.NewSlot(ledger.KindInject, o.owner).With(ledger.OutcomeConfirmed)
		inject.Partition = o.affectedPartition()
		inject.SetFault(uint32(i), e.course.load.time.start+int64(o.injected))
		if err := e.observed.Append(inject); err != nil {
			return err
		}
		if o.healed == harness.Never {
			continue
		}
		heal := ledger.NewSlot(ledger.KindHeal, o.owner).With(ledger.OutcomeConfirmed)
		heal.Partition = o.affectedPartition()
		heal.SetFault(uint32(i), e.course.load.time.start+int64(o.healed))
		if err := e.observed.Append(heal); err != nil {
			return err
		}
	}
	return nil
}

// affectedPartition is the partition of a fault in the ledger: -1 if the fault affects no
// pod, SilencedAll if it may silence all, and else 0. The ledger does not say which
// partitions it affects.
func (o *injectedFault) affectedPartition() int32 {
	switch {
	case o.target.None:
		return -1
	case o.target.Silent:
		return ledger.SilencedAll
	}
	return 0
}
