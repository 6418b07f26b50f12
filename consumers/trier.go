package consumers

import (
	"context"
	"errors"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// stoodStill is how late a clock is at least whose process stood still, however busy
// the machine is.
const stoodStill = 100 * time.Millisecond

// trier is work that tries a record until it succeeds, is poison, has failed too often,
// or holds up the window for too long, and then gives it up. A worker has its own.
type trier struct {
	member *member
	work   harness.Work
	most   int           // most is how many failures are too many, 0 for no number
	limit  time.Duration // limit is how long a record is tried that holds up the window, 0 for good
	giveUp func(ctx context.Context, r *harness.Record, why error) error
	on     task // on is what the worker works on
}

// worker is what a worker does with a turn of one record.
func (t *trier) worker() func(task, []task) {
	run := (&worker{work: t}).run
	return func(on task, _ []task) {
		t.on = on
		run(on)
	}
}

// Do returns an error only once ctx has ended. Nothing is given up behind a shut fence,
// where the record may be another's by then, and where what waits has not begun.
func (t *trier) Do(ctx context.Context, r *harness.Record) error {
	if err := t.member.fence.wait(ctx); err != nil {
		return err
	}
	trying, end := context.WithCancel(ctx)
	defer end()
	if t.limit > 0 {
		defer t.watch(trying, end, t.on, t.limit).Stop()
	}
	err := retry(trying, &tries{work: t.work, left: t.most, end: end}, r)
	if err == nil || ctx.Err() != nil {
		return err
	}
	end() // lest it is looked at while its copy is made
	if err := t.member.fence.wait(ctx); err != nil {
		return err
	}
	return t.giveUp(ctx, r, err)
}

// watch looks after a time, and then four times a limit, whether a record blocks the
// window, and if so ends the tries at it. A look that comes late is of a pod that stood
// still, in which the work did too: the limit begins anew.
func (t *trier) watch(trying context.Context, end context.CancelFunc, on task, after time.Duration) *time.Timer {
	due := time.Now().Add(after)
	return time.AfterFunc(after, func() {
		switch {
		case trying.Err() != nil:
		case time.Since(due) > max(t.limit/2, stoodStill):
			t.watch(trying, end, on, t.limit)
		case t.member.fence.isOpen() && t.member.blockedBy(on):
			end()
		default:
			t.watch(trying, end, on, t.limit/4)
		}
	})
}

// tries is work that ends with poison, or with the last of so many failures, if left is
// not 0 at first.
type tries struct {
	work harness.Work
	left int
	end  context.CancelFunc
}

func (t *tries) Do(ctx context.Context, r *harness.Record) error {
	err := t.work.Do(ctx, r)
	if err == nil {
		return nil
	}
	t.left--
	if t.left == 0 || errors.Is(err, harness.ErrPoison) {
		t.end()
	}
	return err
}
