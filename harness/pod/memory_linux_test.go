package pod_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
)

// The memory of a pod is that of all its processes, and its report has the most of it.
func TestMemoryOfAPodCountsItsChildren(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	f := start(t, ctx, options(dir, "detaches", 1))
	children := childrenOf(t, ctx, dir)
	p := f.Pods()[0].(interface {
		harness.Pauser
		harness.MemoryMeter
	})
	if err := p.Pause(ctx); err != nil { // so that its memory does not change
		t.Fatal(err)
	}
	resident := func() int64 {
		used, err := p.ResidentMemory()
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	with := resident()
	for _, pid := range children {
		unix.Kill(pid, unix.SIGKILL)
	}
	eventually(t, ctx, "less memory without the children", func() bool { return resident() < with })
	if err := p.KillFor(ctx, "used too much"); err != nil {
		t.Fatal(err)
	}
	in, usage := f.Incarnations()[0], f.Usage()[0]
	if !in.Intended || in.Reason != "used too much" || in.Exit != "signal: killed" || usage.Exit != "" {
		t.Errorf("ended as %+v, reported as %+v", in, usage)
	}
	if usage.MaxRSS < with {
		t.Errorf("the report says %d bytes, and it had %d", usage.MaxRSS, with)
	}
	if _, err := p.ResidentMemory(); err == nil {
		t.Error("a pod that has ended uses memory")
	}
	if err := p.KillFor(ctx, "again"); err == nil || f.Incarnations()[0].Reason != "used too much" {
		t.Errorf("a pod that has ended was killed again: %v", err)
	}
}
