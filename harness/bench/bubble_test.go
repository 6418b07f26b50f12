//go:build synctests

package bench

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
)

// bubblePlan is a run of a day with a consumer that this file registers.
func bubblePlan(t *testing.T, consumer string) engine.Plan {
	t.Helper()
	s, err := engine.Overrides{}.Apply(harness.Scenario{
		Name: "day", Load: harness.Load{Pacer: load.Constant{Rate: 20, For: 24 * time.Hour}, Keys: load.Uniform{N: 10}},
		Service: load.Fixed(0), Partitions: 2, Pods: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	choices, err := harness.ParseChoice(consumer)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Plan{Scenario: s, Consumer: choices[0], Backend: virtual.Backend{}, Repeat: 1, Seed: 1}
}

// TestCtrlCReachesTheBubble ends a context of the world outside.
func TestCtrlCReachesTheBubble(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plan := bubblePlan(t, "bare?records=1000000000")
	var once sync.Once
	plan.Progress = func(p engine.Progress) {
		if p.Phase == "load" && p.Elapsed > time.Minute {
			once.Do(cancel)
		}
	}
	o, err := inBubble(ctx, t, plan)
	if err != nil {
		t.Fatal(err)
	}
	if o.Run.Status != harness.Inconclusive || !strings.Contains(strings.Join(o.Run.Reasons, " "), "interrupted") {
		t.Errorf("%s: %v, want inconclusive by the interruption", o.Run.Status, o.Run.Reasons)
	}
}
