package mutants_test

import (
	"context"
	"strings"
	"testing"
	"time"

	_ "github.com/stampede-bench/stampede/consumers"
	_ "github.com/stampede-bench/stampede/consumers/mutants"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
)

func TestMain(m *testing.M) { bench.Main(m) }

// small is the scenario in which every seeded bug must show: several records of
// a key in flight at once, and no fault.
var small = harness.Scenario{
	Name: "steady", Doc: "a few seconds of load for the mutants",
	Load:       harness.Load{Pacer: load.Constant{Rate: 200, For: 3 * time.Second}, Keys: load.Uniform{N: 40}},
	Service:    load.Fixed(10 * time.Millisecond),
	Partitions: 4, Pods: 2, Workers: 8, Window: 200,
	Commit: 300 * time.Millisecond, Session: 3 * time.Second, Drain: 8 * time.Second,
	Thresholds: harness.Thresholds{Lateness: time.Second}, // the judge is on trial here, not the machine
}

func TestEveryMutantIsCaught(t *testing.T) {
	lock.Machine(t)
	proven := map[string]bool{}
	for _, i := range harness.Implementations() {
		if !strings.HasPrefix(i.Name, "mutant-") {
			continue
		}
		if len(i.MustFail) == 0 {
			t.Errorf("mutant %s names no check that must catch it", i.Name)
		}
		for _, must := range i.MustFail {
			proven[must.Check] = true
		}
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			r := run(t, i)
			for _, must := range i.MustFail {
				if v := verdict(t, r, must.Check); v.Status != harness.Fail || len(v.Examples) == 0 {
					t.Errorf("check %q did not catch it: %s, %d; run %s %v", must.Check, v.Status, v.Count, r.Status, r.Reasons)
				}
			}
		})
	}
	for _, check := range []string{"loss", "stall", "unexplained duplicate", "inversion", "order by partition", "overlap", "phantom", "loss pending"} {
		if !proven[check] {
			t.Errorf("no mutant proves the check %q", check)
		}
	}
}

func TestHonestConsumersAreClean(t *testing.T) {
	lock.Machine(t)
	for _, i := range harness.Implementations() {
		if i.Mutant || i.Control() {
			continue
		}
		t.Run(i.Name, func(t *testing.T) {
			t.Parallel()
			if r := run(t, i); r.Status != harness.Pass {
				t.Errorf("%s: %v", r.Status, r.Reasons)
			}
		})
	}
}

func run(t *testing.T, i *harness.Implementation) *harness.Run {
	t.Helper()
	s, err := engine.Overrides{}.Apply(small)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := harness.FindBackend("embedded")
	if err != nil {
		t.Fatal(err)
	}
	choices, err := harness.ParseChoice(i.Name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	o, err := engine.Run(ctx, engine.Plan{Scenario: s, Consumer: choices[0], Backend: backend, Repeat: 1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &o.Run
}

func verdict(t *testing.T, r *harness.Run, check string) harness.Verdict {
	t.Helper()
	for _, v := range r.Verdicts {
		if v.Check == check {
			return v
		}
	}
	t.Fatalf("no verdict of check %q", check)
	return harness.Verdict{}
}
