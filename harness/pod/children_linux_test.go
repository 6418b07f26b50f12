package pod_test

import (
	"context"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/pod"
)

// childrenOf waits until the consumer of a pod has started a child of each kind. It
// returns their process ids by kind. They are gone at the end of the test.
func childrenOf(t *testing.T, ctx context.Context, dir string) map[string]int {
	t.Helper()
	children := map[string]int{}
	for kind := range detached {
		path := filepath.Join(dir, kind+".pid")
		eventually(t, ctx, path, func() bool { return exists(path) })
		pid := readPid(t, path)
		children[kind] = pid
		t.Cleanup(func() {
			if !gone(pid) {
				unix.Kill(pid, unix.SIGKILL)
			}
		})
	}
	return children
}

// checkGone checks that children have ended.
func checkGone(t *testing.T, children map[string]int) {
	t.Helper()
	for kind, pid := range children {
		if !gone(pid) {
			t.Errorf("the child of the kind %q lives on", kind)
		}
	}
}

// Whatever a child does to leave its pod, it ends with the pod.
func TestDetachedChildrenEndWithTheirPod(t *testing.T) {
	lock.Machine(t)
	for name, end := range map[string]func(context.Context, *pod.Fleet) error{
		"kill":       func(ctx context.Context, f *pod.Fleet) error { return f.Pods()[0].Kill(ctx) },
		"fleet kill": func(_ context.Context, f *pod.Fleet) error { return f.Kill() },
		"fleet stop": func(ctx context.Context, f *pod.Fleet) error { _, err := f.Stop(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, dir := patient(t), t.TempDir()
			f := start(t, ctx, options(dir, "detaches", 1))
			children := childrenOf(t, ctx, dir)
			for kind, pid := range children {
				if gone(pid) {
					t.Fatalf("the child of the kind %q has ended before its pod", kind)
				}
			}
			if err := end(ctx, f); err != nil {
				t.Fatal(err)
			}
			checkGone(t, children)
			if in := f.Incarnations()[0]; len(in.Survivors) > 0 {
				t.Errorf("survivors: %v", in.Survivors)
			}
		})
	}
	t.Run("own end", func(t *testing.T) {
		o := options(t.TempDir(), "detaches and quits", 1)
		if _, i := endsByItself(t, o); i.Exit != "exit status 3" {
			t.Errorf("ended as %+v", i)
		}
		checkGone(t, childrenOf(t, patient(t), o.Dir))
	})
}

// The children of one pod live on when another pod is killed.
func TestChildrenOfOtherPodsLiveOn(t *testing.T) {
	lock.Machine(t)
	ctx, dir, other := patient(t), t.TempDir(), t.TempDir()
	start(t, ctx, options(dir, "detaches", 1))
	children := childrenOf(t, ctx, dir)
	f := start(t, ctx, options(other, "idle", 1))
	consuming(t, ctx, other, 1)
	if err := f.Pods()[0].Kill(ctx); err != nil {
		t.Fatal(err)
	}
	pod.EndOrphans()
	for kind, pid := range children {
		if gone(pid) {
			t.Errorf("the child of the kind %q has ended with the pod of another fleet", kind)
		}
	}
}

// The kernel ends the pods of a killed harness. The next start ends what they had started.
func TestChildrenOfPodsEndAfterTheirHarnessWasKilled(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	middle := startMiddle(t, ctx, dir, middleDetaches+"=1")
	children := childrenOf(t, ctx, dir)
	children["pod"] = readPid(t, filepath.Join(dir, "pod-1.pid"))
	pod.EndOrphans()
	for kind, pid := range children {
		if gone(pid) {
			t.Fatalf("the child of the kind %q has ended before its harness", kind)
		}
	}
	if err := middle.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, ctx, "the end of the pod", func() bool { return gone(children["pod"]) })
	if left := pod.EndOrphans(); left != nil {
		t.Errorf("left are %v", left)
	}
	checkGone(t, children)
}
