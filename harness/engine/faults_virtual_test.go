//go:build synctests

package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// calm has a load that keeps no pod busy, so that only the faults have an effect.
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

// stumble pauses a pod for a second, and needs no heal.
type stumble struct{}

func (stumble) Name() string { return "stumble" }

func (stumble) Inject(ctx context.Context, env *harness.Env) (func(context.Context) error, error) {
	p := env.Pods[0].(harness.Pauser)
	time.AfterFunc(time.Second, func() { p.Resume(context.Background()) })
	env.Target = harness.Target{Name: "pod-1", Pod: "pod-1"}
	return nil, p.Pause(ctx)
}

func (stumble) Verify(context.Context, *harness.Env) error { return nil }

// A fault of another module may end by itself. The time of its heal says when.
func TestFaultThatEndsByItselfEndsAtTheTimeOfItsHeal(t *testing.T) {
	r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
		s.Injections = []harness.Injection{{Fault: stumble{}, At: 5 * time.Second, HealAfter: 2 * time.Second}}
	}), "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != harness.Pass || len(r.Faults) != 1 || r.Faults[0].Healed != 7*time.Second {
		t.Errorf("%s: %v; faults %+v", r.Status, r.Reasons, r.Faults)
	}
}

// An honest consumer passes under every fault of pods. A pod that leaves orderly, or is
// back within its session, causes no redelivery.
func TestHonestConsumerPassesFaultsOfPods(t *testing.T) {
	// A record is due every 10 ms and takes 1 ms: no pod works at this time.
	const at = 5005 * time.Millisecond
	for name, tt := range map[string]struct {
		fault          harness.Fault
		heal           time.Duration // 0: never
		notices, clean bool
	}{
		"kill":        {fault.KillPod{}, 9 * time.Second, true, false},
		"kill before": {fault.KillPodAt{Moment: fault.BeforeCommit}, 9 * time.Second, true, false},
		"kill after":  {fault.KillPodAt{Moment: fault.AfterCommit}, 9 * time.Second, true, false},
		"pause":       {fault.PausePod{}, 9 * time.Second, true, false},
		"short pause": {fault.PausePod{}, 2 * time.Second, false, true},
		"leave":       {fault.LeavePod{}, 9 * time.Second, true, true},
		"join":        {fault.JoinPod{}, 9 * time.Second, true, true},
		"stay":        {fault.JoinPod{}, 0, true, true},
		"lost":        {fault.DropResponses{Key: fault.OffsetCommit}, 5 * time.Second, false, true},
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
					t.Error("the group did not rebalance")
				}
				if tt.clean && r.Counts.Attempts > r.Counts.Completed {
					t.Error("work was repeated")
				}
			})
		})
	}
}

// A run is skipped if its consumer never has the moment of a fault.
func TestRunIsSkippedWhereTheConsumerHasNoSuchMoment(t *testing.T) {
	for consumer, f := range map[string]harness.Fault{
		"share":             fault.KillPodAt{Moment: fault.BeforeCommit},
		"txn@eager":         fault.DropResponses{Key: fault.OffsetCommit},
		"keyed@cooperative": fault.PausePodAt{Moment: fault.BeforeEndTxn},
		"keyed@848":         fault.CutPodAt{Moment: fault.BeforeSync},
		"keyed@eager":       fault.KillPodAt{Moment: fault.BetweenHeartbeats},
		"keyed@static":      fault.KillPodAt{Moment: fault.AfterAcknowledgement},
	} {
		r, err := bench.RunVirtual(t, calm(func(s *harness.Scenario) {
			s.Injections = []harness.Injection{{Fault: f, At: 5 * time.Second, HealAfter: time.Second}}
		}), consumer, 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != harness.Skipped || len(r.Reasons) != 1 || !strings.HasPrefix(r.Reasons[0], f.Name()+": ") {
			t.Errorf("%s, %s: %s %q", consumer, f.Name(), r.Status, r.Reasons)
		}
	}
}

func TestFailingWorkCostsOnlyAttempts(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) { s.Failures = harness.Failures{Fraction: 0.1, Times: 2} }, func(t *testing.T, r *harness.Run) {
		if extra := r.Counts.Attempts - 3000; r.Status != harness.Pass || r.Counts.Completed != 3000 || extra < 500 || extra > 700 {
			t.Errorf("%d attempts more than records, want 2 x 10 %% of 3000", extra)
		}
	})
}

// A consumer without a dead-letter topic never completes a poison record.
func TestPoisonRecordsStall(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) { s.Failures.Poison = 0.005 }, func(t *testing.T, r *harness.Run) {
		if r.Status != harness.Fail || !strings.HasPrefix(r.Reasons[0], oracle.CheckStall+": ") || r.Counts.Lost > 0 || r.Counts.Unfinished < 5 {
			t.Error("want a stall of the poison records")
		}
	})
}

// If the consumer does not recover a panic of the work, the pod dies. The others go on.
func TestPanicOfTheWorkEndsThePod(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) { s.Failures.Panic = 0.0005 }, func(t *testing.T, r *harness.Run) {
		if r.Status != harness.Fail || !strings.HasPrefix(r.Reasons[0], oracle.CheckPodLiveness+": ") || r.Counts.Lost > 0 {
			t.Error("want pods that died")
		}
		if v := r.Verdicts[0]; v.Check != oracle.CheckPodLiveness || len(v.Examples) == 0 || !strings.Contains(v.Examples[0].Text, load.ErrPanic.Error()) {
			t.Errorf("pod liveness: %+v", v)
		}
	})
}
