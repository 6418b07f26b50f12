package pool

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

// minStandstill is how late a timer of a process that stood still is at least. A busy
// machine is never as late.
const minStandstill = 100 * time.Millisecond

// Retrier is work that tries a record until it succeeds. It gives the record up when it is
// poison, fails too often, or blocks the window for too long. Each worker has its own.
type Retrier struct {
	Member *group.Member
	Work   harness.Work

	// MaxFailures is how many failures of a record are allowed; 0 is any number.
	MaxFailures int

	// Limit is how long a record may be tried while it blocks the window (see
	// [group.Member.BlockedBy]); 0 is no limit.
	Limit time.Duration

	// GiveUp takes the record over, for example as a dead letter. why is the last error. If
	// GiveUp fails, the record stays outstanding.
	GiveUp func(ctx context.Context, r *harness.Record, why error) error

	task group.Task // task is the record that the worker works on
}

// Worker is a worker that takes its records through the retrier.
func (t *Retrier) Worker() func([]group.Task) {
	w := NewWorker(t)
	return func(batch []group.Task) {
		for _, t.task = range batch {
			w.Run(t.task)
		}
	}
}

// Do returns an error only once ctx has ended. While the fence is closed it gives up no
// record, since the record may have a new owner, and it watches none.
func (t *Retrier) Do(ctx context.Context, r *harness.Record) error {
	if err := t.Member.Fence().Wait(ctx); err != nil {
		return err
	}
	trying, stop := context.WithCancel(ctx)
	defer stop()
	if t.Limit > 0 {
		defer t.watchTask(trying, stop, t.task, t.Limit).Stop()
	}
	err := Retry(trying, &attempts{work: t.Work, left: t.MaxFailures, stop: stop}, r)
	if err == nil || ctx.Err() != nil {
		return err
	}
	stop() // so that the record is not watched while it is given up
	if err := t.Member.Fence().Wait(ctx); err != nil {
		return err
	}
	return t.GiveUp(ctx, r, err)
}

// watchTask checks after a time, and then four times in each limit, whether a record blocks
// the window. If so it stops the attempts. A check that comes late means that the pod stood
// still, and the work with it: the limit starts again.
func (t *Retrier) watchTask(trying context.Context, stop context.CancelFunc, task group.Task, after time.Duration) *time.Timer {
	due := time.Now().Add(after)
	return time.AfterFunc(after, func() {
		switch {
		case trying.Err() != nil:
		case time.Since(due) > max(t.Limit/2, minStandstill):
			t.watchTask(trying, stop, task, t.Limit)
		case t.Member.Fence().IsOpen() && t.Member.BlockedBy(task):
			stop()
		default:
			t.watchTask(trying, stop, task, t.Limit/4)
		}
	})
}

// attempts is work that stops the attempts when the record is poison or has no failures left.
type attempts struct {
	work harness.Work
	left int // left is how many failures are left; 0 at first is any number
	stop context.CancelFunc
}

func (t *attempts) Do(ctx context.Context, r *harness.Record) error {
	err := t.work.Do(ctx, r)
	if err == nil {
		return nil
	}
	t.left--
	if t.left == 0 || errors.Is(err, harness.ErrPoison) {
		t.stop()
	}
	return err
}
