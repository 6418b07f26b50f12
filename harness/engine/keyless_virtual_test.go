//go:build synctests

package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// This consumer works on records in any order, and claims that it keeps the order of each partition.
var _ = harness.Register(harness.Implementation{
	Name: "test-claims-partition-order", Delivery: harness.AtLeastOnce, Order: harness.OrderPartition, Mutant: true,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers },
	New: func(cfg harness.Config) (harness.Consumer, error) {
		unordered, err := harness.FindImplementation("unordered")
		if err != nil {
			return nil, err
		}
		return unordered.New(cfg)
	},
})

// Records without keys have an order in their partition alone. It is judged as ever.
func TestRecordsWithoutKeysAreJudgedByPartition(t *testing.T) {
	keyless := calm(func(s *harness.Scenario) {
		s.Load.Keys, s.Service = load.NoKeys{}, load.Between{Min: time.Millisecond, Max: 20 * time.Millisecond}
		s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 8 * time.Second, HealAfter: 5 * time.Second}}
	})
	judge := func(consumer string) *harness.Run {
		r, err := bench.RunVirtual(t, keyless, consumer, 1)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, consumer := range []string{"partition", "serial@848", "unordered", "share"} {
		if r := judge(consumer); r.Status != harness.Pass || r.Counts.Completed != 3000 {
			t.Errorf("%s: %s: %v; %d of 3000 completed", consumer, r.Status, r.Reasons, r.Counts.Completed)
		}
	}
	if r := judge("keyed"); r.Status != harness.Skipped || !strings.Contains(r.Reasons[0], "claims order by key") {
		t.Errorf("keyed: %s: %v, want a skip", r.Status, r.Reasons)
	}
	r := judge("test-claims-partition-order")
	for _, check := range []string{oracle.CheckOverlap, oracle.CheckPartitionInversion} {
		if !slices.ContainsFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == check && v.Status == harness.Fail }) {
			t.Errorf("%s: %v, want %s", r.Status, r.Reasons, check)
		}
	}
}
