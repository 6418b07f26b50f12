package sizing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/slo"
)

var _ = harness.Register(harness.Implementation{
	Name: "modelled", Delivery: harness.AtLeastOnce, Order: harness.OrderNone,
	Parallelism: func(c harness.Config) int { return c.Workers },
	New:         func(harness.Config) (harness.Consumer, error) { return nil, errors.New("it is only modelled") },
})

var _ = harness.RegisterBackend(modelled{})

// modelled is a back end that never starts.
type modelled struct{}

func (modelled) Name() string { return "modelled" }

func (modelled) Start(context.Context, harness.ClusterSpec) (harness.Cluster, error) {
	return nil, errors.New("it is only modelled")
}

// modelRun is a run of a consumer with a known capacity for each worker.
type modelRun struct {
	perWorker float64 // perWorker is the rate of a worker from which on the latency is a minute.
	breaksAt  float64 // breaksAt is the rate from which on records are lost, 0 for none.
	status    harness.Status
	broken    string // broken is an assumption that did not hold, "" for none.
	saturated string
	fails     error
	made      []engine.Plan
}

func (m *modelRun) run(_ context.Context, p engine.Plan) (*engine.Outcome, error) {
	m.made = append(m.made, p)
	if m.fails != nil {
		return nil, m.fails
	}
	rate := meanRate(p.Scenario.Load.Pacer)
	r := harness.Run{Scenario: p.Scenario.Name, Consumer: p.Consumer.Name(), Status: harness.Pass, Completed: rate, Saturated: m.saturated}
	if m.broken != "" {
		r.Assumptions = []harness.Assumption{{Name: m.broken, Detail: "as the test wants"}}
	}
	if m.status != "" {
		r.Status, r.Reasons = m.status, []string{"as the test wants"}
	}
	latency := harness.Quantiles{N: 10_000, P50: time.Millisecond, P90: time.Millisecond, P99: 10 * time.Millisecond, P999: 10 * time.Millisecond, Max: 10 * time.Millisecond}
	if limit := m.perWorker * float64(p.Scenario.Workers*p.Scenario.Pods); rate > limit {
		latency.P99, r.Completed = time.Minute, limit
	}
	r.EndToEnd = latency
	r.Phases = []harness.Phase{{Name: "steady", EndToEnd: latency}}
	objectives, err := slo.Parse(p.Scenario.Objectives)
	if err != nil {
		return nil, err
	}
	r.Objectives = slo.Report(objectives.Judge(slo.Sample{Run: &r}))
	if m.breaksAt > 0 && rate >= m.breaksAt {
		r.Status, r.Verdicts = harness.Fail, []harness.Verdict{{Check: "loss", Status: harness.Fail, Count: 3}}
	}
	return &engine.Outcome{Run: r}, nil
}

// steadyQuestion asks for the rate of 3 pods with 10 workers and 10 ms of work: at most 3,000/s.
func steadyQuestion(t *testing.T) Question {
	t.Helper()
	s, err := engine.Overrides{}.Apply(harness.Scenario{
		Name: "asked", Doc: "Is there an answer?", Load: harness.Load{Pacer: load.Constant{Rate: 900, For: 10 * time.Second}, Keys: load.Uniform{N: 1000}},
		Service: load.Fixed(10 * time.Millisecond), Partitions: 12, Pods: 3, Workers: 10, Warmup: 2 * time.Second, Objectives: "p99<500ms",
	})
	if err != nil {
		t.Fatal(err)
	}
	consumers, err := harness.ParseSelection("modelled")
	if err != nil {
		t.Fatal(err)
	}
	b, err := harness.FindBackend("modelled")
	if err != nil {
		t.Fatal(err)
	}
	return Question{
		Scenario: s, Consumer: consumers[0], Backend: b, Seek: SeekRate, Seed: 1,
		Lengths: Lengths{Short: 15 * time.Second, Full: 40 * time.Second}, Width: 0.03,
	}
}

func TestAnswerIsTheHighestRateThatHolds(t *testing.T) {
	m := &modelRun{perWorker: 80}
	a, err := steadyQuestion(t).Answer(t.Context(), m.run, nil)
	if err != nil {
		t.Fatal(err)
	}
	if found, ok := a.Capacity(); !ok || found > 2400 || found < 2400/1.035 {
		t.Errorf("found %v (%v), want 2,400 less at most the width", found, ok)
	}
	if len(a.Points) != len(shares) || a.Result.Searching > 8 {
		t.Errorf("%d points after %d trials of search", len(a.Points), a.Result.Searching)
	}
	seen := map[string]bool{}
	for i, k := range a.Result.Trials {
		p := m.made[i]
		kind := fmt.Sprint(k.Load, k.Duration, p.Repeat)
		if seen[kind] {
			t.Errorf("two trials of %v at %v/s had the same records", k.Duration, k.Load)
		}
		seen[kind] = true
		if p.Repeat > 1 && !seen[fmt.Sprint(k.Load, k.Duration, 1)] {
			t.Errorf("the first trial of %v at %v/s had not the records of the others", k.Duration, k.Load)
		}
	}
}

func TestDesignWithoutABoundHasARange(t *testing.T) {
	q := steadyQuestion(t)
	if a := q.axis(0); a.Least > q.Rate() || a.Most < 10*q.Rate() {
		t.Errorf("without a bound the range is %v to %v/s around %v/s", a.Least, a.Most, q.Rate())
	}
}

func TestBrokenGuaranteeEndsTheCapacity(t *testing.T) {
	m := &modelRun{perWorker: 80, breaksAt: 1500}
	a, err := steadyQuestion(t).Answer(t.Context(), m.run, nil)
	if err != nil {
		t.Fatal(err)
	}
	found, ok := a.Capacity()
	if !ok || found >= 1500 || found < 1500/1.035 {
		t.Errorf("found %v (%v), want a little less than 1,500, where records are lost", found, ok)
	}
	if g := a.Result.Limiting(); g == nil || g.Goal.Name != GoalGuarantees {
		t.Errorf("limited by %+v, want the guarantees", g)
	}
	told := false
	for _, k := range a.Result.Trials {
		told = told || len(k.Detail) > 0 && k.Detail[0] == "loss: 3"
	}
	if !told {
		t.Error("no trial says what broke")
	}
}

func TestTheFewestPodsThatHoldTheRateAreFound(t *testing.T) {
	q := steadyQuestion(t)
	q.Seek = SeekPods
	for perWorker, want := range map[float64]float64{80: 2, 45: 2, 44: 3, 9.5: 10} { // for 900/s with 10 workers a pod
		a, err := q.Answer(t.Context(), (&modelRun{perWorker: perWorker}).run, nil)
		if found, ok := a.Capacity(); err != nil || !ok || found != want {
			t.Errorf("a worker with %v/s: %v pods (%v, %v), want %v", perWorker, found, ok, err, want)
		}
	}
}

func TestRunWithoutVerdictDecidesNothing(t *testing.T) {
	for status, m := range map[string]*modelRun{"broken assumption": {perWorker: 80, broken: "load delivered"}, "not made": {perWorker: 80, status: harness.NotMade}} {
		a, err := steadyQuestion(t).Answer(t.Context(), m.run, nil)
		if err != nil {
			t.Fatal(err)
		}
		if found, ok := a.Capacity(); ok {
			t.Errorf("%s: found %v", status, found)
		}
		for _, k := range a.Result.Trials {
			if k.Verdicts[GoalObjectives] != capacity.Undecided || k.Verdicts[GoalGuarantees] != capacity.Undecided {
				t.Errorf("%s: verdicts %v", status, k.Verdicts)
			}
		}
	}
}

func TestUnfinishedRecordsMissEachObjective(t *testing.T) {
	r := &harness.Run{Status: harness.Overload, Counts: harness.Counts{Unfinished: 7}}
	if v, why := judgeObjectives(r); v != capacity.Broken || !strings.HasPrefix(why[0], "7 records") {
		t.Errorf("%v: %v", v, why)
	}
	if v, _ := judgeGuarantees(r); v != capacity.Held {
		t.Errorf("late records broke a guarantee: %v", v)
	}
}

func TestObjectivesAreNoGuarantees(t *testing.T) {
	for _, c := range []struct {
		objective harness.ObjectiveResult
		want      capacity.Verdict
	}{
		{harness.ObjectiveResult{Verdict: harness.ObjectiveMet}, capacity.Held},
		{harness.ObjectiveResult{Verdict: harness.ObjectiveMissed, Check: "blast radius"}, capacity.Broken},
		{harness.ObjectiveResult{Verdict: harness.ObjectiveMissing}, capacity.Undecided}, // a missing sample is never met
		{harness.ObjectiveResult{Verdict: harness.ObjectiveUndecided}, capacity.Undecided},
		{harness.ObjectiveResult{Verdict: harness.ObjectiveMissing, Inapplicable: true}, capacity.Held},
	} {
		r := &harness.Run{Status: harness.Fail, Objectives: []harness.ObjectiveResult{c.objective}, Verdicts: []harness.Verdict{{Check: "blast radius", Status: harness.Fail}}}
		if c.objective.Check == "" {
			r.Verdicts = nil
		}
		if v, _ := judgeObjectives(r); v != c.want {
			t.Errorf("%+v: %v, want %v", c.objective, v, c.want)
		}
		if v, why := judgeGuarantees(r); v != capacity.Held {
			t.Errorf("%+v: guarantees %v: %v", c.objective, v, why)
		}
	}
}

func TestRateAboveABoundIsAnError(t *testing.T) {
	m := &modelRun{perWorker: 120} // a worker completes at most 100/s
	_, err := steadyQuestion(t).Answer(t.Context(), m.run, nil)
	if above := (*capacity.AboveBound)(nil); !errors.As(err, &above) {
		t.Errorf("got %v, want an error that the rate is above a bound", err)
	}
}

func TestQuestionsWithoutAnAnswerAreRefused(t *testing.T) {
	m := &modelRun{perWorker: 80}
	flood := steadyQuestion(t)
	flood.Scenario.Warmup, flood.Scenario.Load.Pacer = 0, load.Flood{Records: 10}
	if _, err := flood.Answer(t.Context(), m.run, nil); err == nil || !strings.Contains(err.Error(), "has no rate to search") {
		t.Errorf("a flood: %v", err)
	}
	poor := steadyQuestion(t)
	poor.Budget.Time = time.Second
	if _, err := poor.Answer(t.Context(), m.run, nil); err == nil || !strings.Contains(err.Error(), "too small for one confirmed answer") {
		t.Errorf("a budget of a second: %v", err)
	}
	if len(m.made) > 0 {
		t.Errorf("%d trials were made for questions without an answer", len(m.made))
	}
}

func TestFailedTrialEndsTheSearchWithWhatWasFound(t *testing.T) {
	m := &modelRun{perWorker: 80, fails: errors.New("no broker")}
	a, err := steadyQuestion(t).Answer(t.Context(), m.run, nil)
	if err == nil || !strings.Contains(err.Error(), "no broker") || len(a.Bounds) == 0 {
		t.Errorf("%v, with %d bounds", err, len(a.Bounds))
	}
}

func TestDifferenceOfASaturatedMachineIsExplained(t *testing.T) {
	q := steadyQuestion(t)
	a, err := q.Answer(t.Context(), (&modelRun{perWorker: 80}).run, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := q.Check(t.Context(), (&modelRun{perWorker: 60, saturated: "98 % busy"}).run, &a, q.Backend, nil)
	if math.Abs(c.Error+0.25) > 0.05 || !strings.Contains(c.Remark, "98 % busy") {
		t.Errorf("%+v, want 25 %% less and the machine as the reason", c)
	}
	if c := q.Check(t.Context(), (&modelRun{perWorker: 80}).run, &a, q.Backend, nil); math.Abs(c.Error) > 0.04 || c.Remark != "" {
		t.Errorf("the same system differs: %+v", c)
	}
}
