//go:build synctests

package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// shortLived is an honest consumer whose pods all end by themselves.
type shortLived struct{ honest harness.Consumer }

func (l shortLived) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	working, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := l.honest.Consume(working, cfg, w); err != nil {
		return err
	}
	return errors.New("all of them have had enough")
}

var _ = harness.Register(harness.Implementation{
	Name: "short-lived", Mutant: true, Delivery: harness.AtLeastOnce, Order: harness.OrderKey,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers },
	New: func(cfg harness.Config) (harness.Consumer, error) {
		keyed, err := harness.FindImplementation("keyed")
		if err != nil {
			return nil, err
		}
		honest, err := keyed.New(cfg)
		return shortLived{honest}, err
	},
})

// A drain without pods ends at once. Its verdicts are those of a drain up to the deadline.
func TestDrainEndsWithTheLastPod(t *testing.T) {
	r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) { s.Drain = time.Hour }), "short-lived", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Took > time.Minute {
		t.Errorf("the run took %v of virtual time", r.Took)
	}
	checks := map[string]harness.Verdict{}
	for _, v := range r.Verdicts {
		checks[v.Check] = v
	}
	if r.Status != harness.Fail || checks[oracle.CheckStall].Count == 0 || checks[oracle.CheckOverload].Count > 0 || checks[oracle.CheckPodLiveness].Count != 3 {
		t.Errorf("%s: %v, want a stall after three pods ended", r.Status, r.Reasons)
	}
	for _, a := range r.Assumptions {
		if a.Name == oracle.DrainEnded && (!a.Held || !strings.Contains(a.Detail, "no pod was left")) {
			t.Errorf("%s: %s", a.Name, a.Detail)
		}
	}
}

// The heal of a fault starts a pod again, so a drain without pods waits for it.
func TestDrainWaitsForAPodThatIsToStart(t *testing.T) {
	r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
		s.Pods, s.Drain = 1, time.Hour
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 20 * time.Second, HealAfter: 40 * time.Second}}
	}), "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != harness.Pass || r.Counts.Completed != 3000 {
		t.Errorf("%s: %v, %d completed of 3000", r.Status, r.Reasons, r.Counts.Completed)
	}
}
