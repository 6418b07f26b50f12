package engine

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Judgement is what becomes of a saved ledger that is judged again.
type Judgement struct {
	Status      harness.Status
	Reasons     []string // Reasons for a status other than pass, the first the gravest.
	Expected    bool     // Expected: the run was as it should be, and its ledger says so again.
	Assumptions []harness.Assumption
	Verdicts    []harness.Verdict // Verdicts begin with that on the pods, which is the run's.
	// Changed are the assumptions and the checks that came out otherwise than in the
	// run: the ledger is not whole, or the checks are not the same.
	Changed []string
	Torn    bool // Torn: the end of a journal is missing.
}

// Judge judges the run by its ledger, as the run itself was: its own status holds
// where all came out the same, see [Saved.look] and [Saved.settle].
func (s *Saved) Judge() (*Judgement, error) {
	f, found, err := s.look()
	if err != nil {
		return nil, s.unread(err)
	}
	verdicts, err := s.settle(f, found)
	if err != nil {
		return nil, s.unread(err)
	}
	j := &Judgement{Assumptions: slices.Clone(s.Assumptions), Verdicts: append(slices.Clone(s.Verdicts[:1]), verdicts...)}
	for i := range j.Assumptions {
		if why, broken := s.Facts.Broken[j.Assumptions[i].Name]; broken {
			j.Assumptions[i].Held, j.Assumptions[i].Detail = false, why
		}
	}
	j.Torn = s.torn
	j.Changed = append(changed(s.Assumptions, j.Assumptions, func(a harness.Assumption) string { return a.Name }),
		changed(s.Verdicts, j.Verdicts, func(v harness.Verdict) string { return v.Check })...)
	if len(j.Changed) == 0 {
		j.Status, j.Reasons, j.Expected = s.Status, s.Reasons, s.Expected
	} else {
		j.Status, j.Reasons = status(j.Verdicts, j.Assumptions, s.Unmet)
	}
	return j, nil
}

// unread is the error of a replay, with what to do about a journal that is damaged.
func (s *Saved) unread(err error) error {
	if errors.Is(err, ledger.ErrCorrupt) {
		return s.damaged(err)
	}
	return fmt.Errorf("saved ledger %s: %w", s.dir, err)
}

// changed are the names of what differs, or is only in one of the two.
func changed[T any](was, is []T, name func(T) string) (names []string) {
	in := func(list []T, n string) int { return slices.IndexFunc(list, func(e T) bool { return name(e) == n }) }
	for _, e := range is {
		if i := in(was, name(e)); i < 0 || !reflect.DeepEqual(was[i], e) {
			names = append(names, name(e))
		}
	}
	for _, e := range was {
		if in(is, name(e)) < 0 {
			names = append(names, name(e))
		}
	}
	return names
}
