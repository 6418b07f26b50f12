package pod_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/pod"
)

// limitable is a pod as the tests of CPU limits use it.
type limitable interface {
	harness.Pod
	harness.Pauser
	harness.Leaver
	harness.Prober
	harness.CPULimiter
}

// limitBusyPod starts a pod that never waits, and limits its CPU.
func limitBusyPod(t *testing.T, share float64) (ctx context.Context, dir string, f *pod.Fleet, p limitable, lift func()) {
	ctx, dir = patient(t), t.TempDir()
	f = start(t, ctx, options(dir, "loop", 1))
	p = f.Pods()[0].(limitable)
	working(t, ctx, filepath.Join(dir, "pod-1.1.witness"), 1)
	lift, err := p.LimitCPU(share)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, dir, f, p, lift
}

// A busy pod uses no more CPU time than its share, works all the same, and runs on in the end.
func TestBusyPodStaysWithinItsShare(t *testing.T) {
	lock.Machine(t)
	const share = 0.1
	began := time.Now()
	ctx, dir, _, p, lift := limitBusyPod(t, share)
	before, err := p.CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.LimitCPU(share); err == nil {
		t.Error("a second limit was accepted")
	}
	var used, lasted time.Duration
	eventually(t, ctx, "CPU time of its share and no more", func() bool {
		now, err := p.CPUTime()
		if err != nil {
			t.Fatal(err)
		}
		used, lasted = now-before, time.Since(began)
		return lasted > 500*time.Millisecond && used > 0 && float64(used) < 2*share*float64(lasted)
	})
	t.Logf("used %v in %v", used, lasted)
	eventually(t, ctx, "a stop", p.Stopped)
	if !p.Paused() || !p.Running() {
		t.Errorf("with a limit: paused %v, running %v", p.Paused(), p.Running())
	}
	working(t, ctx, filepath.Join(dir, "pod-1.1.witness"), witnessed(t, dir, "pod-1.1")+10)
	lift()
	if p.Paused() || p.Stopped() {
		t.Error("it stands still after the limit")
	}
	working(t, ctx, filepath.Join(dir, "pod-1.1.witness"), witnessed(t, dir, "pod-1.1")+1000)
}

// A pause during a limit outlasts it, and a pod that is resumed keeps to its limit.
func TestPauseAndCPULimitDoNotEndEachOther(t *testing.T) {
	lock.Machine(t)
	ctx, dir, _, p, lift := limitBusyPod(t, 0.1)
	if err := p.Pause(ctx); err != nil {
		t.Fatal(err)
	}
	lift()
	if had := witnessed(t, dir, "pod-1.1"); !p.Paused() || !p.Stopped() || witnessed(t, dir, "pod-1.1") != had {
		t.Error("the end of the limit ended the pause")
	}
	lift, err := p.LimitCPU(0.1)
	if err != nil {
		t.Fatal(err)
	}
	defer lift()
	if err := p.Resume(ctx); err != nil || !p.Paused() {
		t.Errorf("the end of the pause ended the limit: %v", err)
	}
	working(t, ctx, filepath.Join(dir, "pod-1.1.witness"), witnessed(t, dir, "pod-1.1")+10)
}

func TestPodWithACPULimitCanBeKilledAndStopped(t *testing.T) {
	lock.Machine(t)
	for name, end := range map[string]func(context.Context, limitable) error{
		"killed": func(ctx context.Context, p limitable) error { return p.Kill(ctx) },
		"asked":  func(ctx context.Context, p limitable) error { return p.Stop(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, _, f, p, lift := limitBusyPod(t, 0.01)
			if err := end(ctx, p); err != nil {
				t.Fatal(err)
			}
			if in := f.Incarnations()[0]; in.Down == 0 || !in.Intended || in.Unresponsive || in.Halted {
				t.Errorf("ended as %+v", in)
			}
			if _, err := p.LimitCPU(0.1); err == nil {
				t.Error("a pod that has ended got a limit")
			}
			lift()
			if err := p.Start(ctx); err != nil || p.Paused() {
				t.Errorf("the next incarnation has the limit: %v", err)
			}
		})
	}
}
