package mutants_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	_ "github.com/stampede-bench/stampede/scenarios"
)

// habitScenarios are the changes of a group that disrupt simple loops most: pods die, stand
// still, come and go, all with seconds of work in flight.
func habitScenarios(t *testing.T) (list []harness.Scenario) {
	t.Helper()
	for _, name := range []string{"pod-crash", "pause", "churn"} {
		s, err := harness.FindScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, *s)
	}
	return append(list,
		trial.NewScenario("deploy", "one pod after the other leaves and comes back, with seconds of work in flight", func(s *harness.Scenario) {
			s.Load.Pacer = load.Step{Base: 60, Burst: 800, After: 2 * time.Second, Length: time.Second, For: 14 * time.Second}
			s.Pods, s.Partitions, s.Drain = 3, 12, 60*time.Second
			for n := range 3 {
				s.Injections = append(s.Injections, harness.Injection{Fault: fault.LeavePod{}, At: time.Duration(3+3*n) * time.Second, HealAfter: time.Second})
			}
		}),
		trial.NewScenario("rolling", "pods join and leave within seconds, under a backlog", func(s *harness.Scenario) {
			s.Load.Pacer = load.Step{Base: 60, Burst: 800, After: 2 * time.Second, Length: time.Second, For: 12 * time.Second}
			s.Pods, s.Spare, s.Partitions, s.Drain = 3, 1, 12, 60*time.Second
			s.Injections = []harness.Injection{
				{Fault: fault.JoinPod{}, At: 3 * time.Second, HealAfter: 2 * time.Second},
				{Fault: fault.LeavePod{}, At: 4 * time.Second, HealAfter: 2 * time.Second},
				{Fault: fault.KillPod{}, At: 8 * time.Second, HealAfter: time.Second},
			}
		}))
}

// Loops as people write them keep at-least-once with any repeats. No seed makes one of
// them fail by a hair of timing. STAMPEDE_HABITS is how many seeds each has in each scenario.
func TestHonestHabitsNeverFail(t *testing.T) {
	seeds, err := strconv.Atoi(os.Getenv("STAMPEDE_HABITS"))
	if err != nil {
		seeds = 1
	}
	for _, i := range harness.Implementations() {
		if !i.Mutant || !i.Redelivery.AllowsAny() || i.Control() {
			continue
		}
		for _, scenario := range habitScenarios(t) {
			t.Run(i.Name+"/"+scenario.Name, func(t *testing.T) {
				t.Parallel()
				for seed := range seeds {
					r := trial.RunVirtual(t, scenario, i.Name, uint64(seed+1))
					if r.Status != harness.Pass {
						t.Errorf("seed %d: %s: %v\n%s", seed+1, r.Status, r.Reasons, trial.DescribeFailures(r))
					}
					t.Logf("seed %d: found %v, redelivered %d, unexplained %d of %d", seed+1, trial.FindingsOf(r), r.Counts.Redelivered, r.Counts.Unexplained, r.Counts.Completed)
				}
			})
		}
	}
}
