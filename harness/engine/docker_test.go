package engine_test

import (
	"os"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	_ "github.com/stampede-bench/stampede/harness/broker/docker"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
)

// TestCrashOnRealKafka kills a pod over each protocol on real Kafka. There commits and
// owners come from __consumer_offsets and from group descriptions, so that kfake proves
// nothing about them.
func TestCrashOnRealKafka(t *testing.T) {
	lock.Machine(t)
	backend, err := harness.FindBackend("docker")
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.(harness.Preflighter).Preflight(t.Context()); err != nil {
		if os.Getenv("STAMPEDE_DOCKER") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := backend.(harness.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	for _, protocol := range harness.Protocols {
		t.Run(string(protocol), func(t *testing.T) {
			p := plan(t, "keyed@"+string(protocol), func(s *harness.Scenario) {
				s.Load.Pacer = load.Constant{Rate: 300, For: 4 * time.Second}
				s.Service, s.Workers = load.Fixed(20*time.Millisecond), 4
				s.Drain = 20 * time.Second
				s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 3 * time.Second, HealSessions: 1, HealAfter: time.Second}}
			})
			p.Backend = backend
			o, err := engine.Run(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			r := o.Run
			if r.Status != harness.Pass {
				t.Errorf("%s: %v", r.Status, r.Reasons)
			}
			if r.Counts.Completed != 1200 || len(r.Faults) != 1 {
				t.Errorf("counts %+v, faults %+v", r.Counts, r.Faults)
			}
			if r.Counts.Redelivered == 0 && r.Counts.Attempts == 1200 {
				t.Logf("the crash cost no repeat: %d attempts", r.Counts.Attempts)
			}
			if r.Rebalances == 0 {
				t.Error("the observer saw no rebalance after a crash")
			}
		})
	}
}
