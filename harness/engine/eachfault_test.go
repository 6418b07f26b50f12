package engine_test

import (
	"cmp"
	"os"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// TestEachFaultTakesEffect injects the known faults that the embedded back end has, one
// after the other in one run of minutes. It needs STAMPEDE_FAULTS; STAMPEDE_FAULTS=all adds
// those that need a scenario or a consumer of their own. Virtual time has all of them always.
func TestEachFaultTakesEffect(t *testing.T) {
	skipWithoutFaults(t)
	lock.Machine(t)
	injectEach(t, embedded.Backend{}, func(fault.Known) time.Duration { return 2 * time.Second })
}

// TestEachFaultTakesEffectOnRealKafka is the same on real Kafka. Faults of its brokers have a
// test of their own: those take as long as elections do.
func TestEachFaultTakesEffectOnRealKafka(t *testing.T) {
	skipWithoutFaults(t)
	injectEach(t, realKafka(t), func(k fault.Known) time.Duration {
		if k.Removes == fault.ABroker {
			return 8 * time.Second
		}
		return 2 * time.Second
	})
}

// skipWithoutFaults skips a test that takes minutes, unless STAMPEDE_FAULTS is set.
func skipWithoutFaults(t *testing.T) {
	if os.Getenv("STAMPEDE_FAULTS") == "" {
		t.Skip("takes minutes: set STAMPEDE_FAULTS")
	}
}

// injectEach injects all faults that need nothing special in one run.
func injectEach(t *testing.T, backend harness.Backend, healAfter func(fault.Known) time.Duration) {
	const rest = 1500 * time.Millisecond
	inRun := func(all []fault.Known, consumer string, change func(*harness.Scenario)) {
		p := plan(t, consumer, func(s *harness.Scenario) {
			at := 2 * time.Second
			s.Service, s.Workers = load.Fixed(5*time.Millisecond), 8
			if change != nil {
				at = fault.InjectedAt
				change(s)
			}
			for _, k := range all {
				heal := healAfter(k)
				if k.Scenario != nil {
					heal = max(heal, 4*time.Second) // it may wait for the group to form again
				}
				s.Injections = append(s.Injections, harness.Injection{Fault: k.Fault, At: at, HealAfter: heal})
				at += heal + rest
			}
			s.Load.Pacer = load.Constant{Rate: 200, For: at}
			s.Session, s.Commit, s.Drain = 3*time.Second, 200*time.Millisecond, 30*time.Second
		})
		p.Backend = backend
		o, err := engine.Run(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		checkTookEffect(t, &o.Run)
	}
	plain, special := splitFaults(t, backend)
	inRun(plain, "keyed", nil)
	if os.Getenv("STAMPEDE_FAULTS") != "all" {
		return
	}
	for _, k := range special {
		t.Run(k.Fault.Name(), func(t *testing.T) { inRun([]fault.Known{k}, consumerOf(k), k.Scenario) })
	}
}

// splitFaults are the known faults of a back end: those that affect keyed in a calm scenario,
// and those that need a scenario or a consumer of their own.
func splitFaults(t *testing.T, backend harness.Backend) (plain, special []fault.Known) {
	for _, k := range fault.All() {
		switch err := k.CheckSupport(backend.(harness.Prototyper).Prototype()); {
		case backend.Name() == "docker" && actsOnNodes(k):
		case err != nil:
			t.Logf("skip %s: %v", k.Fault.Name(), err)
		case k.Scenario != nil || k.Consumer != "":
			special = append(special, k)
		default:
			plain = append(plain, k)
		}
	}
	return plain, special
}

// consumerOf is a consumer that a fault can affect.
func consumerOf(k fault.Known) string { return cmp.Or(k.Consumer, "keyed") }

// checkTookEffect checks that each fault of a run was injected, verified and healed.
func checkTookEffect(t *testing.T, r *harness.Run) {
	t.Helper()
	for _, a := range r.Assumptions {
		if a.Name == oracle.FaultTookEffect && !a.Held {
			t.Error(a.Detail)
		}
	}
	if len(r.Faults) == 0 || r.Status == harness.Inconclusive || r.Status == harness.Skipped {
		t.Errorf("%s: %v; %d faults", r.Status, r.Reasons, len(r.Faults))
	}
	t.Logf("%s: %v", r.Status, r.Reasons)
	logFailures(t, r)
}

// logFailures logs what the checks of a run found.
func logFailures(t *testing.T, r *harness.Run) {
	for _, v := range r.Verdicts {
		for _, a := range v.Examples {
			if v.Status == harness.Fail {
				t.Logf("%s: %s", v.Check, a.Text)
			}
		}
	}
}
