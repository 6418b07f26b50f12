//go:build synctests

package bench_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/stampede-bench/stampede/consumers"
	_ "github.com/stampede-bench/stampede/consumers/mutants"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// calm is a constant load without faults.
func calm(rate float64) harness.Scenario {
	return harness.Scenario{
		Name: "calm", Load: harness.Load{Pacer: load.Constant{Rate: rate, For: 60 * time.Second}, Keys: load.Uniform{N: 1000}},
		Service: load.Fixed(100 * time.Millisecond), Partitions: 12, Pods: 4, Workers: 50, Window: 500,
	}
}

// crash is a burst, and the kill of a pod with work in flight.
func crash() harness.Scenario {
	return harness.Scenario{
		Name: "crash", Load: harness.Load{
			Pacer: load.Step{Base: 60, Burst: 900, After: 2 * time.Second, Length: time.Second, For: 4 * time.Second}, Keys: load.Uniform{N: 300},
		},
		Service: load.Fixed(20 * time.Millisecond), Partitions: 6, Pods: 3, Workers: 4,
		Commit: 500 * time.Millisecond, Session: time.Second, Drain: 45 * time.Second,
		Injections: []harness.Injection{{Fault: fault.KillPod{}, At: 3300 * time.Millisecond, HealSessions: 1, HealAfter: 2 * time.Second}},
	}
}

// brokerDown is the kill of a broker under a constant load.
func brokerDown() harness.Scenario {
	return harness.Scenario{
		Name: "broker-down", Load: harness.Load{Pacer: load.Constant{Rate: 100, For: 15 * time.Second}, Keys: load.Uniform{N: 300}},
		Service: load.Fixed(10 * time.Millisecond), Partitions: 6, Pods: 3, Workers: 8,
		Commit: 500 * time.Millisecond, Session: 3 * time.Second, Drain: 30 * time.Second,
		Injections: []harness.Injection{{Fault: fault.KillBroker{}, At: 5 * time.Second, HealAfter: 5 * time.Second}},
	}
}

// membership is pods that leave, join and pause, one after the other.
func membership() harness.Scenario {
	s := brokerDown()
	s.Name, s.Spare = "membership", 1
	s.Injections = []harness.Injection{
		{Fault: fault.LeavePod{}, At: 2 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.JoinPod{}, At: 7 * time.Second, HealAfter: 3 * time.Second},
		{Fault: fault.PausePod{}, At: 12 * time.Second, HealAfter: time.Second},
	}
	return s
}

func extent(s harness.Scenario) time.Duration {
	_, _, last := load.Extent(s.Load.Pacer)
	return last
}

func TestHonestConsumersInVirtualTime(t *testing.T) {
	for _, s := range []harness.Scenario{calm(20), crash(), brokerDown(), membership()} {
		for _, consumer := range []string{"serial", "keyed"} {
			for _, p := range harness.Protocols {
				name := consumer + "@" + string(p)
				t.Run(s.Name+"/"+name, func(t *testing.T) {
					t.Parallel()
					r, err := bench.RunVirtual(t, s, name, 1)
					if err != nil {
						t.Fatal(err)
					}
					if r.Status != harness.Pass {
						t.Errorf("%s: %v", r.Status, r.Reasons)
					}
					if r.Counts.Completed != r.Counts.Appended || r.Counts.Appended == 0 || r.Took < extent(s) {
						t.Errorf("%d of %d finished, took %v", r.Counts.Completed, r.Counts.Appended, r.Took)
					}
					if s := r.Stages; s == nil || s.Unfetched > 0 {
						t.Errorf("the stages of the latency are %+v: want all records fetched", s)
					}
				})
			}
		}
	}
}

func TestSlowdownSlowsTheWorkThatBeginsInIt(t *testing.T) {
	s := membership()
	s.Slowdown = harness.Slowdown{From: 8 * time.Second, To: 12 * time.Second, Factor: 10}
	s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: 5 * time.Second, HealAfter: 2 * time.Second}}
	r, err := bench.RunVirtual(t, s, "keyed", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != harness.Pass {
		t.Errorf("%s: %v", r.Status, r.Reasons)
	}
	slow := 0
	for _, p := range r.Phases {
		t.Logf("%s from %v to %v: work takes %v to %v", p.Name, p.From, p.To, p.Service.P50, p.Service.Max)
		near := func(d, want time.Duration) bool { return d > want*98/100 && d < want*102/100 }
		switch {
		case p.From >= s.Slowdown.From && p.To <= s.Slowdown.To && p.Service.N > 0:
			slow++
			if !near(p.Service.P50, 100*time.Millisecond) {
				t.Errorf("work in the slow period takes %v", p.Service.P50)
			}
		case p.To <= s.Slowdown.From && !near(p.Service.Max, 10*time.Millisecond):
			t.Errorf("work before the slow period takes %v", p.Service.Max)
		case p.From >= s.Slowdown.To && !near(p.Service.P50, 10*time.Millisecond):
			t.Errorf("work after the slow period takes %v", p.Service.P50)
		}
	}
	if slow != 1 {
		t.Errorf("%d phases lie in the slow period", slow)
	}
	if last := r.Faults[len(r.Faults)-1]; last.Name != "slow downstream" || last.Injected != s.Slowdown.From || last.Healed != s.Slowdown.To {
		t.Errorf("the report does not have the slow period as a fault: %+v", last)
	}
}

func TestBrokenConsumersAreCaughtInVirtualTime(t *testing.T) {
	for consumer, c := range map[string]struct {
		scenario harness.Scenario
		check    string
	}{
		"naive":               {crash(), oracle.CheckLoss},
		"mutant-drops-record": {calm(20), oracle.CheckLoss},
		"mutant-works-twice":  {calm(20), oracle.CheckUnexplainedDuplicate},
		"mutant-stalls":       {calm(20), oracle.CheckStall},
		"fails-alone":         {calm(20), oracle.CheckPodLiveness},
	} {
		t.Run(consumer, func(t *testing.T) {
			t.Parallel()
			r, err := bench.RunVirtual(t, c.scenario, consumer, 1)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == c.check })
			if v := r.Verdicts[i]; v.Status != harness.Fail || v.Count == 0 {
				t.Errorf("%s: %s, %d; run %s: %v", c.check, v.Status, v.Count, r.Status, r.Reasons)
			}
		})
	}
}

// Consumers that fail in one pod, that never return, or that need real time.
var (
	_ = harness.Register(harness.Implementation{
		Name: "fails-alone", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		Parallelism: func(cfg harness.Config) int { return cfg.Workers },
		New: func(cfg harness.Config) (harness.Consumer, error) {
			return consume(func(ctx context.Context, cfg harness.Config, w harness.Work) error {
				if cfg.Pod == "pod-2" {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
				}
				keyed, err := harness.FindImplementation("keyed")
				if err != nil {
					return err
				}
				c, err := keyed.New(cfg)
				if err != nil {
					return err
				}
				return c.Consume(ctx, cfg, w)
			}), nil
		},
	})
	_ = harness.Register(harness.Implementation{
		Name: "lingers", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true,
		New: func(harness.Config) (harness.Consumer, error) {
			return consume(func(ctx context.Context, _ harness.Config, _ harness.Work) error {
				<-ctx.Done()
				<-make(chan struct{})
				return nil
			}), nil
		},
	})
	_ = harness.Register(harness.Implementation{
		Name: "hasty", Delivery: harness.AtLeastOnce, Order: harness.OrderNone, Mutant: true, RealTime: "its client is written in another language",
		New: func(harness.Config) (harness.Consumer, error) { return nil, errors.New("made all the same") },
	})
)

type consume func(context.Context, harness.Config, harness.Work) error

func (c consume) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return c(ctx, cfg, w)
}

func TestConsumerThatNeverReturnsIsNamed(t *testing.T) {
	_, err := bench.RunVirtual(t, calm(20), "lingers", 1)
	if err == nil || !strings.Contains(err.Error(), "pod-1.1 has not returned") {
		t.Errorf("error %v, want the name of the pod whose consumer has not returned", err)
	}
}

func TestConsumerForRealTimeIsSkipped(t *testing.T) {
	r, err := bench.RunVirtual(t, calm(20), "hasty", 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != harness.Skipped || !r.Expected || !strings.Contains(r.Reasons[0], "another language") {
		t.Errorf("%s, expected %v: %v", r.Status, r.Expected, r.Reasons)
	}
}

func TestExampleConsumerKeepsItsClaims(t *testing.T) {
	for _, s := range []harness.Scenario{crash(), brokerDown()} {
		r, err := bench.RunVirtual(t, s, "mine", 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != harness.Pass {
			t.Errorf("%s: %s %v", s.Name, r.Status, r.Reasons)
		}
	}
}
