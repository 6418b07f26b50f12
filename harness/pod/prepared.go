package pod

import (
	"cmp"
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// defaultPreparedPart is the part of the work that Prepare does unless the scenario
// sets another.
const defaultPreparedPart = 0.8

// PreparedPart is the part of the work that Prepare does where a scenario says share.
func PreparedPart(share float64) float64 { return cmp.Or(share, defaultPreparedPart) }

// Prepare implements [harness.PreparedWork]. It is no attempt and writes nothing into
// the journal. It waits in a paused pod and fails in a dead one.
func (s *shim) Prepare(ctx context.Context, r *harness.Record) error {
	if err := ctx.Err(); err != nil || r.Prepared {
		return err
	}
	if !s.waitAlive() {
		return errPodDead
	}
	id, _ := s.identifyRecord(r)
	whole := s.serviceTime(id.Key, id.Seq)
	if err := load.Work(ctx, whole-s.unpreparedPart(whole), s.cpu); err != nil {
		return err
	}
	if !s.waitAlive() {
		return errPodDead
	}
	r.Prepared = true
	return nil
}

// waitAlive waits while the pod is paused and reports whether it is alive.
func (s *shim) waitAlive() bool {
	if s.gate == nil {
		return true
	}
	if !s.gate.lockJournal() {
		return false
	}
	s.gate.unlockJournal()
	return true
}

// remainingWork is the duration of Do for a record.
func (s *shim) remainingWork(prepared bool, key, seq uint32) time.Duration {
	d := s.serviceTime(key, seq)
	if prepared {
		d = s.unpreparedPart(d)
	}
	return d
}

// unpreparedPart is the part of a service time that Prepare leaves to Do.
func (s *shim) unpreparedPart(d time.Duration) time.Duration {
	return time.Duration((1 - s.prepare) * float64(d))
}
