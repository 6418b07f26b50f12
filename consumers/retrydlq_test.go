package consumers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

// failing is work that fails.
type failing struct{ err error }

func (f failing) Do(context.Context, *harness.Record) error { return f.err }

// While the fence is closed the record may have a new owner. There is no copier here, so a
// copy would panic.
func TestNoCopyIsMadeWhileTheFenceIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fence group.Fence
		fence.Close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- failoverWork{work: failing{errors.New("no")}, fence: &fence, next: map[string]string{"t": "retry"}}.Do(ctx, &harness.Record{Topic: "t"})
		}()
		synctest.Wait() // the work has failed
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the end of the context", err)
		}
	})
}
