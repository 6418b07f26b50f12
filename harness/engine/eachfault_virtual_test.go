//go:build synctests

package engine_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/fault"
)

// TestEachFaultTakesEffectInVirtualTime injects each known fault that the virtual back end
// has. Each fault verifies its effect from outside.
func TestEachFaultTakesEffectInVirtualTime(t *testing.T) {
	for _, k := range fault.All() {
		t.Run(k.Fault.Name(), func(t *testing.T) {
			if err := k.CheckSupport(virtual.Backend{}.Prototype()); err != nil {
				t.Skip(err)
			}
			r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
				s.Spare = 0
				if k.Scenario != nil {
					k.Scenario(s)
				}
				s.Injections = append(s.Injections, harness.Injection{Fault: k.Fault, At: fault.InjectedAt, HealAfter: 4 * time.Second})
			}), consumerOf(k), 1)
			if err != nil {
				t.Fatal(err)
			}
			checkTookEffect(t, r)
		})
	}
}

// A producer that no heal starts may not keep the run from its end.
func TestRunEndsWithoutAHealOfTheProducer(t *testing.T) {
	r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
		s.Spare = 0
		s.Injections = []harness.Injection{{Fault: fault.KillProducer{}, At: fault.InjectedAt}}
	}), "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != harness.Inconclusive || r.Counts.Sent != 3000 {
		t.Errorf("%s: %v; %d sent", r.Status, r.Reasons, r.Counts.Sent)
	}
}
