package pod

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// defaultPrepare is the share of the work that Prepare takes where no scenario says.
const defaultPrepare = 0.8

// Prepare implements [harness.PreparedWork]. It is no attempt and leaves nothing in
// the journal. In a pod that stands still it waits, in one that is dead it fails.
func (s *shim) Prepare(ctx context.Context, r *harness.Record) error {
	if err := ctx.Err(); err != nil || r.Prepared {
		return err
	}
	if !s.lives() {
		return errDead
	}
	id, _ := identity(r, s.run)
	whole := s.serviceTime(id.Key, id.Seq)
	if err := load.Work(ctx, whole-s.rest(whole), s.cpu); err != nil {
		return err
	}
	if !s.lives() {
		return errDead
	}
	r.Prepared = true
	return nil
}

// lives waits while the pod is paused and reports whether it lives.
func (s *shim) lives() bool {
	if s.gate == nil {
		return true
	}
	if !s.gate.enter() {
		return false
	}
	s.gate.leave()
	return true
}

// left is how long Do takes for a record.
func (s *shim) left(prepared bool, key, seq uint32) time.Duration {
	d := s.serviceTime(key, seq)
	if prepared {
		d = s.rest(d)
	}
	return d
}

// rest is what of a service time Prepare leaves to Do.
func (s *shim) rest(d time.Duration) time.Duration {
	return time.Duration((1 - s.prepare) * float64(d))
}
