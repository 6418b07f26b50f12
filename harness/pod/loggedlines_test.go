package pod_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/lock"
)

// texts are the lines in a journal.
func texts(t *testing.T, path string) (all []string) {
	t.Helper()
	lines, err := ledger.ReadLines(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		all = append(all, l.Text)
	}
	return all
}

func TestLinesSurviveSIGKILL(t *testing.T) {
	lock.Machine(t)
	ctx := patient(t)
	f := start(t, ctx, options(t.TempDir(), "logs", 1))
	eventually(t, ctx, "the end of the pod", func() bool { return f.Incarnations()[0].Down != 0 })
	in := f.Incarnations()[0]
	if _, err := ledger.Seal(in.Journal); err != nil {
		t.Fatal(err)
	}
	if got, want := texts(t, in.Journal), []string{"commit refused: UNKNOWN_MEMBER_ID", "the pod is killed now"}; !slices.Equal(got, want) || in.Exit != "signal: killed" {
		t.Errorf("lines %q of a pod that ended with %q, want %q", got, in.Exit, want)
	}
}

// The consumer of a paused pod may log with a mutex held, so it must not wait.
func TestLocalKeepsLinesOfAPausedPodAndNoneOfADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := local(t, 1, func(ctx context.Context, cfg harness.Config, _ harness.Work) error {
			for ctx.Err() == nil {
				cfg.Log.Info("alive")
				time.Sleep(time.Second)
			}
			cfg.Log.Info("dead")
			return nil
		}, nil)
		time.Sleep(time.Second / 2)
		if err := f.Pods()[0].(harness.Pauser).Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		kill(t, f)
		if got, want := texts(t, f.Incarnations()[0].Journal), []string{"alive", "alive", "alive"}; !slices.Equal(got, want) {
			t.Errorf("lines %q, want %q", got, want)
		}
	})
}
