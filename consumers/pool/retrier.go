package pool

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

// stoodStill is how late a clock is at least whose process stood still, however busy
// the machine is.
const stoodStill = 100 * time.Millisecond

// Retrier is work that tries a record until it succeeds, is poison, has failed too often,
// or holds up the window for too long, and then gives it up. A worker has its own.
type Retrier struct {
	Member      *group.Member
	Work        harness.Work
	MaxFailures int           // MaxFailures is how many failures are too many, 0 for no number
	Limit       time.Duration // Limit is how long a record is tried that holds up the window, 0 for good
	GiveUp      func(ctx context.Context, r *harness.Record, why error) error
	task        group.Task // task is what the worker works on
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

// Do returns an error only once ctx has ended. Nothing is given up behind a shut fence,
// where the record may be another's by then, and where what waits has not begun.
func (t *Retrier) Do(ctx context.Context, r *harness.Record) error {
	if err := t.Member.Fence().Wait(ctx); err != nil {
		return err
	}
	trying, end := context.WithCancel(ctx)
	defer end()
	if t.Limit > 0 {
		defer t.watchTask(trying, end, t.task, t.Limit).Stop()
	}
	err := Retry(trying, &attempts{work: t.Work, left: t.MaxFailures, stop: end}, r)
	if err == nil || ctx.Err() != nil {
		return err
	}
	end() // lest it is looked at while its copy is made
	if err := t.Member.Fence().Wait(ctx); err != nil {
		return err
	}
	return t.GiveUp(ctx, r, err)
}

// watchTask looks after a time, and then four times a limit, whether a record blocks the
// window, and if so ends the tries at it. A look that comes late is of a pod that stood
// still, in which the work did too: the limit begins anew.
func (t *Retrier) watchTask(trying context.Context, end context.CancelFunc, on group.Task, after time.Duration) *time.Timer {
	due := time.Now().Add(after)
	return time.AfterFunc(after, func() {
		switch {
		case trying.Err() != nil:
		case time.Since(due) > max(t.Limit/2, stoodStill):
			t.watchTask(trying, end, on, t.Limit)
		case t.Member.Fence().IsOpen() && t.Member.BlockedBy(on):
			end()
		default:
			t.watchTask(trying, end, on, t.Limit/4)
		}
	})
}

// attempts is work that ends with poison, or with the last of so many failures, if left is
// not 0 at first.
type attempts struct {
	work harness.Work
	left int
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
