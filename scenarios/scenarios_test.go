package scenarios

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/slo"
)

const (
	// budget limits a comparison of the three default consumers in all scenarios.
	budget = 6 * time.Minute
	// around is what a run needs in addition to load and drain: the group forms,
	// pods stop, the log is read and judged.
	around  = 4 * time.Second
	session = 6 * time.Second
)

// fileNames returns the scenarios that have a file here.
func fileNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, is := strings.CutSuffix(f.Name(), ".go")
		if is && name != "doc" && !strings.HasSuffix(name, "_test") {
			names = append(names, name)
		}
	}
	return names
}

func TestOneScenarioAFile(t *testing.T) {
	files := fileNames(t)
	if len(files) != len(harness.Scenarios()) {
		t.Errorf("%d files, %d scenarios", len(files), len(harness.Scenarios()))
	}
	for _, name := range files {
		if _, err := harness.FindScenario(name); err != nil {
			t.Errorf("%s.go: %v", name, err)
		}
	}
}

func TestScenariosAreWhole(t *testing.T) {
	for _, s := range harness.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			if strings.Count(s.Doc, "?") != 1 || !strings.HasSuffix(s.Doc, "?") || len(strings.Fields(s.Doc)) > 25 {
				t.Errorf("the doc is not one question of at most 25 words: %q", s.Doc)
			}
			if err := s.Load.Pacer.(interface{ Validate() error }).Validate(); err != nil {
				t.Error(err)
			}
			if keys, err := load.ParseKeys(s.Load.Keys.String()); err != nil || keys != s.Load.Keys {
				t.Errorf("keys %v come back as %v: %v", s.Load.Keys, keys, err)
			}
			if service, err := load.ParseService(s.Service.String()); err != nil || service != s.Service {
				t.Errorf("service %v comes back as %v: %v", s.Service, service, err)
			}
			if s.Partitions <= 0 || s.Pods <= 0 || s.Partitions%s.Pods != 0 {
				t.Errorf("%d partitions do not go evenly into %d pods", s.Partitions, s.Pods)
			}
			objectives, err := slo.Parse(s.Objectives)
			if err != nil {
				t.Error(err)
			}
			for _, o := range objectives {
				if o.Fault != "" && !slices.ContainsFunc(s.Injections, func(i harness.Injection) bool { return i.Fault.Name() == o.Fault }) {
					t.Errorf("the objective %s is of a fault that the scenario does not inject", o)
				}
			}
			if s.Conditions.WorkInFlight > 0 && len(s.Injections) == 0 {
				t.Error("wants work in flight at a kill, and kills no pod")
			}
		})
	}
}

func TestPhasesFit(t *testing.T) {
	for _, s := range harness.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			_, _, last := load.Extent(s.Load.Pacer)
			if s.Warmup >= last {
				t.Errorf("warm-up of %v in a load of %v", s.Warmup, last)
			}
			for _, i := range s.Injections {
				name := i.Fault.Name()
				if i.At > last+10*time.Millisecond {
					t.Errorf("%s at %v after a load of %v", name, i.At, last)
				}
				heals, ok := i.HealsAfter(session)
				if _, kills := i.Fault.(fault.KillPod); !ok && kills {
					continue // a crash of a pod that never comes back
				}
				if !ok {
					t.Errorf("%s at %v is never healed: set HealAfter or HealSessions", name, i.At)
				} else if i.At+heals > last+drain(s) {
					t.Errorf("%s at %v is healed %v later: the drain ends at %v", name, i.At, heals, last+drain(s))
				}
				// Under a constant load, recovery is compared with the seconds before.
				_, even := s.Load.Pacer.(load.Constant)
				if steady := i.At - s.Warmup; even && steady < 6*time.Second {
					t.Errorf("%s after %v of steady load: want at least 6s", name, steady)
				}
			}
		})
	}
}

func drain(s *harness.Scenario) time.Duration {
	if s.Drain == 0 {
		return 30 * time.Second
	}
	return s.Drain
}

// A comparison has one design that works on one record at a time and two that use
// all workers. The first completes the load in every scenario that does not allow
// overload.
func TestComparisonFitsTheBudget(t *testing.T) {
	total := time.Duration(0)
	for _, s := range harness.Scenarios() {
		count, _, last := load.Extent(s.Load.Pacer)
		until := func(parallelism int) time.Duration {
			work := time.Duration(float64(count) * float64(s.Service.Mean()) / float64(s.Pods*parallelism))
			if s.Slowdown.Factor > 0 && work > s.Slowdown.From {
				work += time.Duration(float64(s.Slowdown.To-s.Slowdown.From) * (1 - 1/s.Slowdown.Factor))
			}
			end := max(work, last)
			for _, i := range s.Injections {
				heals, _ := i.HealsAfter(session)
				end = max(end, i.At+heals, i.At+session+2*time.Second)
			}
			return end
		}
		workers := s.Workers
		if workers == 0 {
			workers = 50
		}
		serial, parallel := until(1), until(workers)
		// The busiest pod and the pod that was killed take half as long again.
		if serial*3/2 > last+drain(s) && !s.MayOverload {
			t.Errorf("%s: one record at a time takes %v, the drain ends at %v", s.Name, serial, last+drain(s))
		}
		serial = min(serial*3/2, last+drain(s))
		if parallel > last+drain(s) {
			t.Errorf("%s: all workers take %v, the drain ends at %v", s.Name, parallel, last+drain(s))
		}
		if s.Extra {
			continue // a comparison of all scenarios leaves it out
		}
		total += serial + 2*parallel + 3*around
	}
	if total > budget {
		t.Errorf("three consumers in all scenarios take %v, the budget is %v", total, budget)
	}
	t.Logf("three consumers in all scenarios: about %v", total.Round(time.Second))
}

func TestWorkersOffersMoreThanItsBound(t *testing.T) {
	s, err := harness.FindScenario("workers")
	if err != nil {
		t.Fatal(err)
	}
	bound := float64(s.Pods*s.Workers) / s.Service.Mean().Seconds()
	if rate := s.Load.Pacer.(load.Constant).Rate; math.Abs(rate/bound-1.1) > 1e-9 {
		t.Errorf("offers %v/s, want 1.1 times the bound of %v/s", rate, bound)
	}
}

// At the kill every design, also the fastest, must have as much work in flight as
// the scenario wants, with a margin for an uneven spread of keys.
func TestPodCrashLeavesWorkInFlight(t *testing.T) {
	s, err := harness.FindScenario("pod-crash")
	if err != nil {
		t.Fatal(err)
	}
	burst, kill := s.Load.Pacer.(load.Step), s.Injections[0].At
	if end := burst.After + burst.Length; kill < end {
		t.Errorf("the kill at %v is before the end of the burst at %v", kill, end)
	}
	records := burst.Burst * burst.Length.Seconds()
	share := time.Duration(records * float64(s.Service.Mean()) / float64(s.Pods*s.Workers))
	held, need := share*8/10-(kill-burst.After), time.Duration(s.Conditions.WorkInFlight*float64(s.Commit))
	if held < need {
		t.Errorf("a pod has %v of work in flight at the kill, want %v", held, need)
	}
	if busy := burst.Base * s.Service.Mean().Seconds() / float64(s.Pods); busy > 0.5 {
		t.Errorf("before the burst one record at a time is busy for %.0f %% of the time", 100*busy)
	}
}
