//go:build synctests

package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
)

// A static member whose instance id another pod has may end. The newcomer goes on with its work.
func TestFencedPodMayEnd(t *testing.T) {
	duplicate := func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: fault.DuplicateInstance{}, At: 8 * time.Second, HealAfter: 5 * time.Second}}
	}
	for _, consumer := range []string{"keyed@static", "serial@static", "txn@static"} {
		t.Run(consumer, func(t *testing.T) {
			r, err := bench.RunVirtual(t, calm(duplicate), consumer, 1)
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != harness.Pass || r.Counts.Completed != 3000 {
				t.Errorf("%s: %v; %d of 3000 completed", r.Status, r.Reasons, r.Counts.Completed)
			}
		})
	}
	r, err := bench.RunVirtual(t, calm(duplicate), "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != harness.Skipped || !strings.Contains(r.Reasons[0], "@static") {
		t.Errorf("%s: %v, want a skip for a dynamic member", r.Status, r.Reasons)
	}
}
