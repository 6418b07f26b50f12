//go:build synctests

package consumers_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
)

// TestNoDesignIsFasterThanItsBound is the proof of what designs declare as serial: a backlog with
// a hot key is completed no faster than the bounds allow.
func TestNoDesignIsFasterThanItsBound(t *testing.T) {
	s := harness.Scenario{
		Name: "hot-backlog", Load: harness.Load{Pacer: load.Flood{Records: 1000}, Keys: load.Hot{Fraction: 0.2, Hot: 1, Others: 1000}},
		Service: load.Fixed(10 * time.Millisecond), Partitions: 12, Pods: 3, Workers: 20, Drain: time.Minute,
	}
	for _, i := range harness.Implementations() {
		if i.Mutant || i.RealTime != "" {
			continue
		}
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			c, err := harness.ParseSelection(i.Name)
			if err != nil {
				t.Fatal(err)
			}
			system, err := engine.PlanSystem(s, c[0], 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			r, err := bench.RunVirtual(t, s, i.Name, 1)
			if err != nil {
				t.Fatal(err)
			}
			checked, err := capacity.CheckRate(capacity.Bounds(system), r.Completed, capacity.DefaultTolerance)
			t.Logf("%-16s %5.0f/s, %s", i.Name, r.Completed, checked)
			if err != nil {
				t.Error(err)
			}
		})
	}
}
