//go:build synctests

package engine_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/fault"
)

// An honest consumer passes under every fault of brokers that kfake can have, and each fault is
// verified and healed. Redeliveries are no failure.
func TestHonestConsumerPassesFaultsOfBrokers(t *testing.T) {
	for _, known := range fault.All() {
		if known.Removes != fault.ABroker {
			continue
		}
		t.Run(known.Fault.Name(), func(t *testing.T) {
			if err := known.CheckSupport(new(virtual.Cluster)); err != nil {
				t.Skip(err)
			}
			r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
				s.Injections = []harness.Injection{{Fault: known.Fault, At: 5 * time.Second, HealAfter: 8 * time.Second}}
			}), cmp.Or(known.Consumer, "keyed"), 1)
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != harness.Pass || len(r.Faults) != 1 || r.Faults[0].Healed == harness.Never || len(r.Faults[0].Partitions) == 0 {
				t.Errorf("%s: %v; faults %+v", r.Status, r.Reasons, r.Faults)
			}
			t.Logf("%+v; %+v", r.Counts, r.Faults)
		})
	}
	if !slices.ContainsFunc(fault.All(), func(k fault.Known) bool { return k.Removes == fault.ABroker }) {
		t.Error("no fault of a broker is known")
	}
}
