package engine

import (
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/pod"
)

// A fault may wait until a pod that is down runs again. It affects that incarnation.
func TestFaultAffectsTheIncarnationThatItWaitedFor(t *testing.T) {
	all := []pod.Incarnation{
		{Owner: 1, Pod: "pod-1", Up: 10, Down: 50}, {Owner: 2, Pod: "pod-2", Up: 10},
		{Owner: 3, Pod: "pod-1", Up: 60, Down: 80}, {Owner: 4, Pod: "pod-1", Up: 90},
	}
	for began, want := range map[int64]ledger.Owner{5: 1, 20: 1, 50: 3, 55: 3, 60: 3, 85: 4, 95: 4} {
		if owner := incarnationFor(all, "pod-1", began); owner != want {
			t.Errorf("a fault that began at %d affects %d, want %d", began, owner, want)
		}
	}
	if owner := incarnationFor(all, "pod-3", 20); owner != 0 {
		t.Errorf("a pod that never ran: %d", owner)
	}
}
