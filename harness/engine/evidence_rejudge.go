package engine

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Judgement is the result of a saved ledger that was judged again.
type Judgement struct {
	Status      harness.Status
	Reasons     []string // Reasons explain a status other than pass, the gravest first.
	Expected    bool     // Expected: the status of the run was as it should be, and the ledger confirms it.
	Assumptions []harness.Assumption
	Verdicts    []harness.Verdict // Verdicts start with pod liveness, taken from the run.
	// Changed are the assumptions and checks whose result differs from the run: the
	// ledger is damaged, or the checks have changed.
	Changed []string
	Torn    bool // Torn: the end of a journal is missing.
}

// Judge judges the run by its ledger, in the same way as the run itself. The status of the
// run stays if all results are the same.
func (s *Saved) Judge() (*Judgement, error) {
	facts, found, err := s.replayChecks()
	if err != nil {
		return nil, s.replayError(err)
	}
	verdicts, err := s.decideVerdicts(facts, found)
	if err != nil {
		return nil, s.replayError(err)
	}
	j := &Judgement{Assumptions: slices.Clone(s.Assumptions), Verdicts: append(slices.Clone(s.Verdicts[:1]), verdicts...)}
	for i := range j.Assumptions {
		if why, broken := s.Facts.Broken[j.Assumptions[i].Name]; broken {
			j.Assumptions[i].Held, j.Assumptions[i].Detail = false, why
		}
	}
	j.Torn = s.torn
	j.Changed = append(changedNames(s.Assumptions, j.Assumptions, func(a harness.Assumption) string { return a.Name }),
		changedNames(s.Verdicts, j.Verdicts, func(v harness.Verdict) string { return v.Check })...)
	if len(j.Changed) == 0 {
		j.Status, j.Reasons, j.Expected = s.Status, s.Reasons, s.Expected
	} else {
		j.Status, j.Reasons = statusOf(j.Verdicts, j.Assumptions, s.Objectives)
	}
	return j, nil
}

// replayError is the error of a replay, with what to do about a damaged journal.
func (s *Saved) replayError(err error) error {
	if errors.Is(err, ledger.ErrCorrupt) {
		return s.damageError(err)
	}
	return fmt.Errorf("saved ledger %s: %w", s.dir, err)
}

// changedNames are the names of the entries that differ, or that only one list has.
func changedNames[T any](before, after []T, name func(T) string) (names []string) {
	index := func(list []T, n string) int { return slices.IndexFunc(list, func(e T) bool { return name(e) == n }) }
	for _, e := range after {
		if i := index(before, name(e)); i < 0 || !reflect.DeepEqual(before[i], e) {
			names = append(names, name(e))
		}
	}
	for _, e := range before {
		if index(after, name(e)) < 0 {
			names = append(names, name(e))
		}
	}
	return names
}
