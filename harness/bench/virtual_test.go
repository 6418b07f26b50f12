//go:build synctests

package bench_test

import (
	"testing"
	"time"

	_ "github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/load"
)

// calm is the scenario of which the speed of the back end is told.
func calm(rate float64) harness.Scenario {
	return harness.Scenario{
		Name: "calm", Load: harness.Load{Pacer: load.Constant{Rate: rate, For: 60 * time.Second}, Keys: load.Uniform{N: 1000}},
		Service: load.Fixed(100 * time.Millisecond), Partitions: 12, Pods: 4, Workers: 50, Window: 500,
	}
}

func TestVirtualRun(t *testing.T) {
	began := time.Now()
	r, err := bench.Virtual(t, calm(100), "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v in %v: %s %v %+v", r.Took, time.Since(began), r.Status, r.Reasons, r.Counts)
	if r.Status != harness.Pass {
		t.Error(r.Status)
	}
}
