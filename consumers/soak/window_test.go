package soak_test

import (
	"testing"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
)

// A poll may return more records than the window has room for. Each design keeps to the window all the same.
func TestEachDesignKeepsToAWindowBelowAPoll(t *testing.T) {
	found, err := harness.FindScenario("memory-under-backlog")
	if err != nil {
		t.Fatal(err)
	}
	s := *found
	s.Window, s.MaxPoll, s.Load.Payload = 20, 100, 100 // small records, so that a fetch has many of them
	s.Objectives, s.Conditions, s.MayOverload = "", harness.Conditions{}, true
	for _, i := range honestDesigns() {
		if i.Buffering != nil {
			continue // it declares more than a window
		}
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			if r := trial.RunVirtual(t, s, i.Name, 1); r.Status != harness.Pass && r.Status != harness.Overload {
				t.Errorf("%s: %v\n%s", r.Status, r.Reasons, trial.DescribeFailures(r))
			}
		})
	}
}
