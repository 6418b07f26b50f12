//go:build synctests

package bench_test

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
)

// wide makes more and longer runs: make bounds.
var wide = os.Getenv("STAMPEDE_BOUNDS") != ""

// backlogOf is a standing backlog of records with 10 ms of work, for 3 pods of 20 workers on 12
// partitions.
func backlogOf(records uint64, keys harness.Keys) harness.Scenario {
	return harness.Scenario{
		Name: "backlog-of", Load: harness.Load{Pacer: load.Flood{Records: records}, Keys: keys},
		Service: load.Fixed(10 * time.Millisecond), Partitions: 12, Pods: 3, Workers: 20, Drain: 10 * time.Minute,
	}
}

// planBounds are the bounds of what RunVirtual runs.
func planBounds(t *testing.T, s harness.Scenario, consumer string, seed uint64) (capacity.System, []capacity.Bound) {
	t.Helper()
	c, err := harness.ParseSelection(consumer)
	if err != nil {
		t.Fatal(err)
	}
	system, err := engine.PlanSystem(s, c[0], seed, 1)
	if err != nil {
		t.Fatal(err)
	}
	return system, capacity.Bounds(system)
}

// A plan and a run have the same keys, so their shares are equal and not only near.
func TestPlannedShapeIsThatOfTheRun(t *testing.T) {
	for _, keys := range []string{"uniform:500", "hot:0.2/1/500", "zipf:1.1/500", "none"} {
		t.Run(keys, func(t *testing.T) {
			t.Parallel()
			k, err := load.ParseKeys(keys)
			if err != nil {
				t.Fatal(err)
			}
			s := backlogOf(2000, k)
			r, err := bench.RunVirtual(t, s, "unordered", 3)
			if err != nil {
				t.Fatal(err)
			}
			system, _ := planBounds(t, s, "unordered", 3)
			shape, got := system.Shape, r.Load.Keys
			if got.Distinct != len(shape.Keys) || math.Abs(got.MaxPart-shape.MaxOverMeanPartition()) > 1e-12 {
				t.Errorf("the run has %d keys and %v in the fullest partition over the mean; planned were %d and %v", got.Distinct, got.MaxPart, len(shape.Keys), shape.MaxOverMeanPartition())
			}
			if top := shape.ShareOf(shape.Keys[0].UnitLoad); math.Abs(got.Top[0].Share-top) > 1e-12 {
				t.Errorf("the hottest key has %v of the records of the run, planned was %v", got.Top[0].Share, top)
			}
		})
	}
}

// A standing backlog is completed near the bound, so nothing else limits.
func TestSaturatedDesignsReachTheirBound(t *testing.T) {
	seconds := 4.0
	if wide {
		seconds = 30
	}
	for _, spec := range []string{"uniform:20000", "hot:0.2/1/20000"} {
		keys, err := load.ParseKeys(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, consumer := range []string{"serial", "partition", "keyed", "hashq", "unordered"} {
			t.Run(spec[:3]+"/"+consumer, func(t *testing.T) {
				t.Parallel()
				_, bounds := planBounds(t, backlogOf(100_000, keys), consumer, 1)
				b, _ := capacity.Tightest(bounds)
				s := backlogOf(uint64(b.Rate*seconds), keys)
				r, err := bench.RunVirtual(t, s, consumer, 1)
				if err != nil {
					t.Fatal(err)
				}
				_, bounds = planBounds(t, s, consumer, 1)
				checked, err := capacity.CheckRate(bounds, r.Completed, capacity.DefaultTolerance)
				t.Logf("%-15s %-10s %6.0f/s, %s", spec, consumer, r.Completed, checked)
				if err != nil {
					t.Error(err)
				}
				if checked.Far {
					t.Errorf("%.0f/s is %.2f of the bound: something else limits", r.Completed, checked.Share)
				}
			})
		}
	}
}
