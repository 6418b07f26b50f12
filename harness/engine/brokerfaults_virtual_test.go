//go:build synctests

package engine_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
)

// A coordinator that stands still for longer than a session makes the group expel pods that
// sent their heartbeats. The fault explains that, and the pods cannot know it.
func TestHonestConsumerPassesASilentCoordinator(t *testing.T) {
	for _, f := range []harness.Fault{
		fault.PauseBroker{Of: fault.GroupCoordinator}, fault.IsolateBroker{Of: fault.GroupCoordinator, From: harness.Clients},
	} {
		t.Run(f.Name(), func(t *testing.T) {
			r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
				s.Injections = []harness.Injection{{Fault: f, At: 5 * time.Second, HealAfter: 9 * time.Second}}
			}), "keyed", 1)
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != harness.Pass || len(r.Faults) != 1 || r.Faults[0].Healed == harness.Never || r.Counts.Redelivered == 0 {
				t.Errorf("%s: %v; %+v; faults %+v", r.Status, r.Reasons, r.Counts, r.Faults)
			}
		})
	}
}
