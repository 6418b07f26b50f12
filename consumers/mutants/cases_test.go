package mutants_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// mutantCase is what the checks must catch: a mutant, or a broker that misbehaves while an
// honest consumer runs.
type mutantCase struct {
	name, doc string
	consumer  string
	must      []harness.Expectation
	may       []harness.Allowance
}

// allCases are the mutants by name, then the brokers.
func allCases() (list []mutantCase) {
	for _, i := range harness.Implementations() {
		if i.Mutant && i.Control() && strings.HasPrefix(i.Name, "mutant-") {
			list = append(list, mutantCase{name: i.Name, doc: i.Doc, consumer: i.Name, must: i.MustFail, may: i.MayFail})
		}
	}
	return append(list, brokenBrokers...)
}

// scenarioNames are the scenarios in which the case must be caught.
func (c mutantCase) scenarioNames() []string {
	names := map[string]bool{}
	for _, m := range c.must {
		names[m.Scenario] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// selectionIn is the consumer under the protocol of the scenario's own consumers, if that is one.
func (c mutantCase) selectionIn(s harness.Scenario) string {
	protocols := map[string]bool{}
	for _, name := range s.Consumers {
		_, protocol, _ := strings.Cut(name, "@")
		protocols[protocol] = true
	}
	if len(protocols) == 1 && !protocols[""] {
		return c.consumer + "@" + slices.Collect(maps.Keys(protocols))[0]
	}
	return c.consumer
}

// mustFailIn are the checks that must catch the case in a scenario.
func (c mutantCase) mustFailIn(scenario string) (checks []string) {
	for _, m := range c.must {
		if m.Scenario == scenario {
			checks = append(checks, m.Check)
		}
	}
	return checks
}

// declarationOf is what the case declares of a check, over all of its scenarios: must, may
// or never.
func (c mutantCase) declarationOf(check string) string {
	switch {
	case slices.ContainsFunc(c.must, func(m harness.Expectation) bool { return m.Check == check }):
		return "must"
	case slices.ContainsFunc(c.may, func(a harness.Allowance) bool { return a.Check == check }):
		return "may"
	}
	return "never"
}

// compareWithDeclared is an error if a check that must catch the case did not, or if a check
// that must never catch it did.
func (c mutantCase) compareWithDeclared(r *harness.Run) (err error) {
	must := c.mustFailIn(r.Scenario)
	for _, check := range must {
		n := slices.IndexFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == check })
		switch {
		case n < 0:
			err = errors.Join(err, fmt.Errorf("there is no check %q", check))
		case !trial.HasFinding(r.Verdicts[n]):
			v := r.Verdicts[n]
			err = errors.Join(err, fmt.Errorf("must: %q did not catch it: %s, %d %s", check, v.Status, v.Count, v.Detail))
		case len(r.Verdicts[n].Examples) == 0:
			err = errors.Join(err, fmt.Errorf("must: %q caught it without evidence", check))
		}
	}
	for _, v := range r.Verdicts {
		if trial.HasFinding(v) && !slices.Contains(must, v.Check) && c.declarationOf(v.Check) == "never" {
			err = errors.Join(err, fmt.Errorf("never: %q caught it: %d, %s", v.Check, v.Count, trial.FirstExample(v)))
		}
	}
	return err
}

// honestConsumers are the consumers that all checks must pass: the good designs, and the
// plain bases that mutants differ from by their bug.
func honestConsumers() (list []*harness.Implementation) {
	for _, i := range harness.Implementations() {
		if !i.Control() && (!i.Mutant || strings.HasPrefix(i.Name, "plain-")) {
			list = append(list, i)
		}
	}
	return list
}

// fitsScenario reports whether a scenario means something to an honest consumer. A broken
// broker does not. Nor does poison to a consumer without a dead letter topic, nor a dropped
// response to one that does not commit in a group. Only the keyed designs promise that keys do not
// wait for each other.
func fitsScenario(i *harness.Implementation, scenario string) bool {
	switch {
	case strings.HasSuffix(scenario, "-broker"):
		return false
	case scenario == "sick-key":
		return i.Name == "keyed" || i.Name == "keyed-batch"
	case strings.HasPrefix(scenario, "poison"):
		return slices.ContainsFunc(i.SideTopicsOf(harness.Config{}), func(s harness.SideTopic) bool { return s.Role == harness.RoleDeadLetter })
	case scenario == "dropped-responses":
		return i.Effect == harness.EffectWork && !i.Share
	}
	return true
}

// allChecks are the checks of pods and those of the oracle.
func allChecks() []string { return oracle.Checks() }
