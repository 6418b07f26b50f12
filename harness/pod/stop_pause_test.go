package pod_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/pod"
)

func witnessed(t *testing.T, dir, id string) int64 {
	t.Helper()
	w, err := openWitness(filepath.Join(dir, id+".witness"))
	if err != nil {
		t.Fatal(err)
	}
	return w.Load()
}

func TestPausedPodDoesNothing(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	f := start(t, ctx, options(dir, "loop", 2))
	witness := func(id string) string { return filepath.Join(dir, id+".witness") }
	working(t, ctx, witness("pod-1.1"), 1)
	working(t, ctx, witness("pod-2.1"), 1)
	one := f.Pods()[0].(interface {
		harness.Pod
		harness.Pauser
		harness.Prober
	})
	for range 3 {
		if one.Paused() || !one.Running() {
			t.Fatalf("before: paused %v, running %v", one.Paused(), one.Running())
		}
		if err := one.Pause(ctx); err != nil {
			t.Fatal(err)
		}
		if !one.Paused() || !one.Running() {
			t.Errorf("paused %v, running %v", one.Paused(), one.Running())
		}
		had, others := witnessed(t, dir, "pod-1.1"), witnessed(t, dir, "pod-2.1")
		working(t, ctx, witness("pod-2.1"), others+10_000)
		if now := witnessed(t, dir, "pod-1.1"); now != had {
			t.Errorf("%d calls returned in a pod that is paused", now-had)
		}
		if err := one.Resume(ctx); err != nil {
			t.Fatal(err)
		}
		working(t, ctx, witness("pod-1.1"), had+1000)
	}
	if err := one.Resume(ctx); err != nil {
		t.Errorf("resume of a pod that goes: %v", err)
	}
}

func TestPausedPodCanBeKilledAndStopped(t *testing.T) {
	lock.Machine(t)
	for name, end := range map[string]func(context.Context, harness.Pod) error{
		"killed": func(ctx context.Context, p harness.Pod) error { return p.Kill(ctx) },
		"asked":  func(ctx context.Context, p harness.Pod) error { return p.(harness.Leaver).Stop(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, dir := patient(t), t.TempDir()
			f := start(t, ctx, options(dir, "loop", 1))
			p := f.Pods()[0]
			working(t, ctx, filepath.Join(dir, "pod-1.1.witness"), 1)
			if err := p.(harness.Pauser).Pause(ctx); err != nil {
				t.Fatal(err)
			}
			if err := end(ctx, p); err != nil {
				t.Fatal(err)
			}
			if i := f.Incarnations()[0]; i.Down == 0 || !i.Intended || i.Unresponsive || (i.StopRequestedAt != 0) != (name == "asked") {
				t.Errorf("ended as %+v", i)
			}
			if err := p.(harness.Pauser).Resume(ctx); err != nil {
				t.Errorf("resume of a pod that has ended: %v", err)
			}
			if err := p.(harness.Pauser).Pause(ctx); err == nil {
				t.Error("a pod that has ended was paused")
			}
			if err := p.Start(ctx); err != nil {
				t.Fatal(err)
			}
			working(t, ctx, filepath.Join(dir, "pod-1.2.witness"), 1)
		})
	}
}

func TestFleetStopResumesPausedPods(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	f := start(t, ctx, options(dir, "loop", 2))
	for i, p := range f.Pods() {
		working(t, ctx, filepath.Join(dir, fmt.Sprintf("pod-%d.1.witness", i+1)), 1)
		if err := p.(harness.Pauser).Pause(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if killed, err := f.Stop(ctx); len(killed) > 0 || err != nil {
		t.Errorf("stop: killed %v, error %v", killed, err)
	}
}

// The end of a pod that was asked to stop is intended, also with an error of the consumer.
func TestStoppedPodCanStartAgain(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	f := start(t, ctx, options(dir, "grumbles", 2))
	consuming(t, ctx, dir, 2)
	p := f.Pods()[1]
	if err := p.(harness.Leaver).Stop(ctx); err != nil {
		t.Fatal(err)
	}
	i := f.Incarnations()[1]
	if !i.Intended || i.Unresponsive || i.StopRequestedAt <= i.Up || i.StopRequestedAt > i.Down || i.Exit != "exit status 4" {
		t.Errorf("ended as %+v", i)
	}
	if err := p.(harness.Leaver).Stop(ctx); err == nil {
		t.Error("a pod that has ended was asked to")
	}
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if up := f.Incarnations(); len(up) != 3 || up[2].Pod != "pod-2" || up[2].Down != 0 || up[2].StopRequestedAt != 0 {
		t.Errorf("incarnations %+v", up)
	}
}

func TestStopKillsAnUnresponsivePod(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	o := options(dir, "unresponsive", 1)
	o.Config.RevokeTimeout = time.Millisecond - pod.StopGrace // a grace of a millisecond
	f := start(t, ctx, o)
	consuming(t, ctx, dir, 1)
	if err := f.Pods()[0].(harness.Leaver).Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if i := f.Incarnations()[0]; !i.Unresponsive || !i.Intended || i.Exit != "signal: killed" {
		t.Errorf("ended as %+v", i)
	}
}

func TestSparePodsWaitForTheirStart(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	o := options(dir, "idle", 1)
	o.Spare = 2
	f := start(t, ctx, o)
	consuming(t, ctx, dir, 1)
	pods := f.Pods()
	if len(pods) != 3 || len(f.Incarnations()) != 1 || len(f.Usage()) != 1 || pods[2].(harness.Prober).Running() {
		t.Fatalf("%d pods, %d incarnations", len(pods), len(f.Incarnations()))
	}
	if err := pods[2].Start(ctx); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "pod-3.pid")
	eventually(t, ctx, path, func() bool { return exists(path) })
	if up := f.Incarnations(); len(up) != 2 || up[1].Owner != 2 || len(f.Usage()) != 2 || !pods[2].(harness.Prober).Running() {
		t.Errorf("incarnations %+v", up)
	}
}
