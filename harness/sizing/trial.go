package sizing

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/engine"
)

// The goals of each search, and the names of their verdicts.
const (
	GoalGuarantees = "guarantees" // GoalGuarantees: no trial may break what the consumer claims.
	GoalObjectives = "objectives" // GoalObjectives: half of the time of the trials must meet the objectives.
)

// goals are what a search looks for. A load that breaks a guarantee has no use, and neither has one
// that misses an objective: the search for the guarantees ends where the objectives end.
func (q *Question) goals() []capacity.Goal {
	width := q.Width
	if q.Seek != SeekRate {
		width = 0 // one pod, worker or partition
	}
	return []capacity.Goal{
		{Name: GoalObjectives, Exceed: 0.5, Width: width, Full: q.Lengths.Full, Short: q.Lengths.Short},
		{Name: GoalGuarantees, Exceed: 0, Width: width, Full: q.Lengths.Full, Short: q.Lengths.Short, UpTo: GoalObjectives},
	}
}

// Runner makes a run.
type Runner func(context.Context, engine.Plan) (*engine.Outcome, error)

// trials makes the trials of one question.
type trials struct {
	*Question
	run Runner

	mu        sync.Mutex // mu guards what follows: trials may run together.
	saturated string     // saturated is why the machine had no room in a trial, "" if it had.
	made      map[madeTrial]int
}

// madeTrial counts trials of one kind.
type madeTrial struct {
	load   float64
	length time.Duration
}

// nextRepeat is the repeat of a trial: its load and faults depend on it. All trials of one length begin
// with the same records, so that loads differ in nothing else. Only another trial of the same load
// and length gets other records.
func (m *trials) nextRepeat(load float64, length time.Duration) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made == nil {
		m.made = map[madeTrial]int{}
	}
	kind := madeTrial{load, length}
	m.made[kind]++
	return m.made[kind]
}

// measure is a [capacity.Measure].
func (m *trials) measure(ctx context.Context, a capacity.Ask) (capacity.Trial, error) {
	s, err := m.scenarioAt(a.Load, a.Length)
	if err != nil {
		return capacity.Trial{}, err
	}
	plan := m.planFor(s, m.nextRepeat(a.Load, a.Length))
	y, err := engine.PlanSystem(s, m.Consumer, m.Seed, plan.Repeat)
	if err != nil {
		return capacity.Trial{}, err
	}
	began := time.Now()
	out, err := m.run(ctx, plan)
	if err != nil {
		return capacity.Trial{}, err
	}
	t := capacity.Trial{
		Completed: out.Run.Completed, Cost: time.Since(began), Verdicts: map[string]capacity.Verdict{}, Data: capacity.Bounds(y),
	}
	guarantees, broken := judgeGuarantees(&out.Run)
	objectives, missed := judgeObjectives(&out.Run)
	if guarantees == capacity.Undecided {
		objectives, missed = capacity.Undecided, nil
	}
	t.Verdicts[GoalGuarantees], t.Verdicts[GoalObjectives] = guarantees, objectives
	t.Detail = append(broken, missed...)
	if out.Run.Saturated != "" {
		t.Detail = append(t.Detail, "the machine had no room: "+out.Run.Saturated)
		m.mu.Lock()
		m.saturated = out.Run.Saturated
		m.mu.Unlock()
	}
	return t, nil
}

// planFor is the run of a trial.
func (m *trials) planFor(s harness.Scenario, repeat int) engine.Plan {
	return engine.Plan{Scenario: s, Consumer: m.Consumer, Backend: m.Backend, Repeat: repeat, Seed: m.Seed}
}

// judgeGuarantees is what a run says of the consumer's claims, and which it broke. Records that
// are only late break none.
func judgeGuarantees(r *harness.Run) (capacity.Verdict, []string) {
	var broken, unsure []string
	for _, v := range r.Verdicts {
		if v.Status == harness.Fail && !isObjective(r, v.Check) {
			broken = append(broken, fmt.Sprintf("%s: %d", v.Check, v.Count))
		}
	}
	for _, a := range r.Assumptions {
		if !a.Held {
			unsure = append(unsure, a.Name+": "+a.Detail)
		}
	}
	if r.Status == harness.NotMade || r.Status == harness.Skipped {
		unsure = append(unsure, fmt.Sprintf("%s: %s", r.Status, strings.Join(r.Reasons, "; ")))
	}
	switch {
	case len(broken) > 0:
		return capacity.Broken, broken
	case len(unsure) > 0:
		return capacity.Undecided, unsure
	}
	return capacity.Held, nil
}
