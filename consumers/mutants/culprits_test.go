package mutants_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// culprit is who is to be caught: a mutant, or a broker that misbehaves while an
// honest consumer runs.
type culprit struct {
	name, doc string
	consumer  string
	must      []harness.Expectation
	may       []harness.Allowance
	kfake     bool // kfake: only where kfake is the broker
}

// culprits are all there are, by name.
func culprits() (list []culprit) {
	for _, i := range harness.Implementations() {
		if i.Mutant && i.Control() && strings.HasPrefix(i.Name, "mutant-") {
			list = append(list, culprit{name: i.Name, doc: i.Doc, consumer: i.Name, must: i.MustFail, may: i.MayFail})
		}
	}
	return append(list, brokers...)
}

var brokers = []culprit{
	{
		name: "broker-drops", doc: "A broker that acknowledges records and drops them.", consumer: "keyed", kfake: true,
		must: []harness.Expectation{{Scenario: "dropping-broker", Check: oracle.CheckLostByBroker}},
	},
	{
		name: "broker-late", doc: "A broker that acknowledges records and appends them a second later, behind others of their keys.", consumer: "keyed", kfake: true,
		must: []harness.Expectation{{Scenario: "late-broker", Check: oracle.CheckLogOrder}},
		may:  []harness.Allowance{{Check: oracle.CheckLostByBroker, Why: "the records lie elsewhere than it said"}},
	},
	{
		name: "broker-repeats", doc: "A broker, or a producer that is not idempotent, that appends records once more.", consumer: "keyed", kfake: true,
		must: []harness.Expectation{{Scenario: "repeating-broker", Check: oracle.CheckLogDuplicate}},
	},
}

// scenes are the scenes that it is to be caught in.
func (c culprit) scenes() []string {
	names := map[string]bool{}
	for _, m := range c.must {
		names[m.Scenario] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// musts are the checks that must catch it in a scene.
func (c culprit) musts(scene string) (checks []string) {
	for _, m := range c.must {
		if m.Scenario == scene {
			checks = append(checks, m.Check)
		}
	}
	return checks
}

func (c culprit) allowed(check string) bool {
	return slices.ContainsFunc(c.may, func(a harness.Allowance) bool { return a.Check == check })
}

// declares reports what a culprit declares of a check, over all of its scenes:
// must, may or never.
func (c culprit) declares(check string) string {
	switch {
	case slices.ContainsFunc(c.must, func(m harness.Expectation) bool { return m.Check == check }):
		return "must"
	case c.allowed(check):
		return "may"
	}
	return "never"
}
