//go:build synctests

package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// calm has a load that no pod is ever busy with, so that only what is done to the
// pods shows.
func calm(change func(*harness.Scenario)) harness.Scenario {
	s := harness.Scenario{
		Name: "calm", Load: harness.Load{Pacer: load.Constant{Rate: 100, For: 30 * time.Second}, Keys: load.Uniform{N: 1000}},
		Service: load.Fixed(time.Millisecond), Partitions: 12, Pods: 3, Spare: 1, Workers: 8, Session: 6 * time.Second,
	}
	change(&s)
	return s
}

// byProtocol makes a run of keyed in virtual time under each protocol.
func byProtocol(t *testing.T, change func(*harness.Scenario), check func(*testing.T, *harness.Run)) {
	for _, p := range harness.Protocols {
		t.Run(string(p), func(t *testing.T) {
			r, err := bench.RunVirtual(t, calm(change), "keyed@"+string(p), 1)
			if err != nil {
				t.Fatal(err)
			}
			if check(t, r); t.Failed() {
				t.Logf("%s: %v, %+v, %d rebalances", r.Status, r.Reasons, r.Counts, r.Rebalances)
			}
		})
	}
}

// What is done to a pod takes, is healed, and an honest consumer passes. The
// group notices what it must, and who leaves in good order, or is back in time,
// has no work repeated.
func TestFaultsOfPodsEndToEnd(t *testing.T) {
	// A record is due every 10 ms and takes 1 ms: nobody is at work then.
	const at = 5005 * time.Millisecond
	for name, tt := range map[string]struct {
		fault          harness.Fault
		heal           time.Duration // 0: never
		notices, clean bool
	}{
		"kill":        {fault.KillPod{}, 9 * time.Second, true, false},
		"pause":       {fault.PausePod{}, 9 * time.Second, true, false},
		"short pause": {fault.PausePod{}, 2 * time.Second, false, true},
		"leave":       {fault.LeavePod{}, 9 * time.Second, true, true},
		"join":        {fault.JoinPod{}, 9 * time.Second, true, true},
		"stay":        {fault.JoinPod{}, 0, true, true},
		"lost":        {fault.LoseAnswers{Key: fault.OffsetCommit}, 5 * time.Second, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			byProtocol(t, func(s *harness.Scenario) {
				s.Injections = []harness.Injection{{Fault: tt.fault, At: at, HealAfter: tt.heal}}
			}, func(t *testing.T, r *harness.Run) {
				if r.Status != harness.Pass || r.Counts.Completed != 3000 {
					t.Error("it does not pass")
				}
				if len(r.Faults) != 1 || r.Faults[0].Injected < at || (r.Faults[0].Healed != harness.Never) != (tt.heal > 0) {
					t.Errorf("faults: %+v", r.Faults)
				}
				if tt.notices && r.Rebalances == 0 {
					t.Error("the group did not notice")
				}
				if tt.clean && r.Counts.Attempts > r.Counts.Completed {
					t.Error("work was repeated")
				}
			})
		})
	}
}

// Work that fails is tried again until it succeeds, and costs attempts alone.
func TestFailingWorkEndToEnd(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) { s.Failures = harness.Failures{Fraction: 0.1, Times: 2} }, func(t *testing.T, r *harness.Run) {
		if extra := r.Counts.Attempts - 3000; r.Status != harness.Pass || r.Counts.Completed != 3000 || extra < 500 || extra > 700 {
			t.Errorf("%d attempts more than records, want 2 x 10 %% of 3000", extra)
		}
	})
}

// A poison record stays owed by a consumer that has nowhere to put it.
func TestPoisonEndToEnd(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) { s.Failures.Poison = 0.005 }, func(t *testing.T, r *harness.Run) {
		if r.Status != harness.Fail || !strings.HasPrefix(r.Reasons[0], oracle.CheckStall+": ") || r.Counts.Lost > 0 || r.Counts.Unfinished < 5 {
			t.Error("want a stall of the poison records")
		}
	})
}

// A pod whose work panics dies of it, if its consumer lets it, and others go on.
func TestPanicEndToEnd(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) { s.Failures.Panic = 0.0005 }, func(t *testing.T, r *harness.Run) {
		if r.Status != harness.Fail || !strings.HasPrefix(r.Reasons[0], oracle.CheckPodLiveness+": ") || r.Counts.Lost > 0 {
			t.Error("want pods that died")
		}
		if v := r.Verdicts[0]; v.Check != oracle.CheckPodLiveness || len(v.Examples) == 0 || !strings.Contains(v.Examples[0].Text, load.ErrPanic.Error()) {
			t.Errorf("pod liveness: %+v", v)
		}
	})
}
