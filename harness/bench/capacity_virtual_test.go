//go:build synctests

package bench_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/sizing"
)

// TestHotKeyBoundsTheCapacityOfKeyed: a fifth of the records on one key at 10 ms cannot pass 500/s, and
// keyed comes close to that.
func TestHotKeyBoundsTheCapacityOfKeyed(t *testing.T) {
	t.Parallel()
	a, err := bench.AnswerVirtual(t, ask(t, "keyed", load.Hot{Fraction: 0.2, Hot: 1, Others: 10_000}))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := capacity.Tightest(a.Bounds)
	found, ok := a.Capacity()
	if b.Name != capacity.BoundKey || !ok || found < 0.95*b.Rate || found > 1.02*b.Rate {
		t.Errorf("found %v/s (%v) within a bound of %v/s by the %s", found, ok, b.Rate, b.Name)
	}
}

// ask asks for the rate that 3 pods with 20 workers hold on 12 partitions, with 10 ms of work.
func ask(t *testing.T, consumer string, keys harness.Keys) sizing.Question {
	t.Helper()
	s, err := engine.Overrides{}.Apply(harness.Scenario{
		Name: "asked", Doc: "How much does it carry?", Load: harness.Load{Pacer: load.Constant{Rate: 500, For: 10 * time.Second}, Keys: keys},
		Service: load.Fixed(10 * time.Millisecond), Partitions: 12, Pods: 3, Workers: 20, Warmup: 2 * time.Second, Objectives: "trend<1%",
	})
	if err != nil {
		t.Fatal(err)
	}
	consumers, err := harness.ParseSelection(consumer)
	if err != nil {
		t.Fatal(err)
	}
	return sizing.Question{
		Scenario: s, Consumer: consumers[0], Backend: virtual.Backend{}, Seek: sizing.SeekRate, Seed: 1,
		Lengths: sizing.Lengths{Short: 15 * time.Second, Full: 40 * time.Second}, Width: 0.03,
	}
}
