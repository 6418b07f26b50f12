package mutants_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

var docPath = filepath.Join(testdata, "mutants.md")

// testdata/mutants.md says what is declared and what was counted. STAMPEDE_UPDATE=1 writes it.
func TestDocIsUpToDate(t *testing.T) {
	if os.Getenv("STAMPEDE_UPDATE") == "1" {
		writeDoc(t)
	}
	saved, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(saved) != renderDoc(t, honestConsumers()) {
		t.Errorf("%s is not up to date: STAMPEDE_UPDATE=1 go test -run TestDoc ./consumers/mutants", docPath)
	}
}

// A consumer without counts is not in the document: a new consumer takes one file.
func TestDocLeavesOutConsumersWithoutCounts(t *testing.T) {
	yours := &harness.Implementation{Name: "yours", Delivery: harness.AtLeastOnce, Order: harness.OrderKey}
	if renderDoc(t, append(honestConsumers(), yours)) != renderDoc(t, honestConsumers()) {
		t.Error("the document changes with a consumer that has no counts")
	}
}

// Each check is proven by a mutant that it must catch, and by at least three that it never
// may.
func TestEveryCheckIsProven(t *testing.T) {
	for _, check := range allChecks() {
		by := map[string]int{}
		for _, c := range allCases() {
			by[c.declarationOf(check)]++
		}
		if by["must"] == 0 || by["never"] < 3 {
			t.Errorf("check %q: %d cases must fail it and %d never may, want 1 and 3 at least: add a mutant that must fail it, or a case in broken_brokers_test.go", check, by["must"], by["never"])
		}
	}
}

func TestCasesDeclareChecksAndScenariosThatExist(t *testing.T) {
	for _, c := range allCases() {
		for _, m := range c.must {
			if _, ok := findScenario(m.Scenario); !ok || !slices.Contains(allChecks(), m.Check) {
				t.Errorf("%s must fail %q in %q, and there is no such check or scenario", c.name, m.Check, m.Scenario)
			}
		}
		for _, a := range c.may {
			if !slices.Contains(allChecks(), a.Check) || a.Why == "" {
				t.Errorf("%s may fail %q (%q), and there is no such check or no reason", c.name, a.Check, a.Why)
			}
		}
		if len(c.must) == 0 || c.doc == "" {
			t.Errorf("%s: must %v, doc %q", c.name, c.must, c.doc)
		}
	}
}

func writeDoc(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(docPath, []byte(renderDoc(t, honestConsumers())), 0o644); err != nil {
		t.Error(err)
	}
}

const docIntro = `# What each check is proven to catch

Each mutant is a good consumer with one seeded bug. A test fails if a check misses its bug, or if a check finds something in the
mutant of another. *Must*: the check has to catch the mutant, with evidence. *May*: the check can find something too, for the
reason given. *Never*: all other checks have to find nothing. A check that judges no claim catches a mutant by its count.

The counts are runs, one for each seed, in which all of that was true. They are made in virtual time (kfake in memory), on the
embedded broker (kfake, pods as processes) and, for a third of the mutants, on real Kafka. ` + "`make soak-mutants`" + ` makes them.
` + "`make test`" + ` makes one run of each mutant in virtual time, and of some on the embedded broker.
`

func renderDoc(t *testing.T, honest []*harness.Implementation) string {
	t.Helper()
	counts := map[string]soakCounts{}
	for _, backend := range backends {
		counts[backend] = loadCounts(t, backend)
	}
	var b strings.Builder
	b.WriteString(docIntro)
	renderMutants(&b, counts)
	renderReports(&b)
	renderChecks(&b)
	renderScenarios(&b)
	renderHonest(&b, counts, honest)
	return b.String()
}

func renderMutants(b *strings.Builder, counts map[string]soakCounts) {
	b.WriteString("\n## Mutants\n\n| mutant | its bug | scenario | must | may | virtual | embedded | docker |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range allCases() {
		for n, scenario := range c.scenarioNames() {
			doc, may := c.doc, describeAllowances(c.may)
			if n > 0 {
				doc, may = "", ""
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |", c.name, doc, scenario, strings.Join(c.mustFailIn(scenario), ", "), may)
			for _, backend := range backends {
				fmt.Fprintf(b, " %s |", counts[backend].Mutants[c.name+"/"+scenario])
			}
			b.WriteString("\n")
		}
	}
}

func renderChecks(b *strings.Builder) {
	b.WriteString("\n## Checks\n\n| check | must catch | may find | never |\n|---|---|---|---|\n")
	for _, check := range allChecks() {
		by := map[string][]string{}
		for _, c := range allCases() {
			by[c.declarationOf(check)] = append(by[c.declarationOf(check)], c.name)
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d |\n", check, strings.Join(by["must"], ", "), len(by["may"]), len(by["never"]))
	}
}

func renderScenarios(b *strings.Builder) {
	b.WriteString("\n## Scenarios\n\n| scenario | what happens |\n|---|---|\n")
	var names []string
	for _, c := range allCases() {
		names = append(names, c.scenarioNames()...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		s, _ := findScenario(name)
		fmt.Fprintf(b, "| %s | %s |\n", name, s.Doc)
	}
}

func renderHonest(b *strings.Builder, counts map[string]soakCounts, honest []*harness.Implementation) {
	b.WriteString("\n## Honest consumers\n\nRuns that pass while pods are killed, pause, mostly for longer than their session timeout, leave and join at random. " +
		"On docker brokers are killed too.\n\n| consumer | virtual | embedded | docker |\n|---|---|---|---|\n")
	total := map[string]*tally{}
	for _, i := range honest {
		for _, p := range harness.Protocols {
			name := i.Name + "@" + string(p)
			row, counted := "| "+name+" |", false
			for _, backend := range backends {
				n := counts[backend].Honest[name]
				row += fmt.Sprintf(" %s |", n)
				if n != nil {
					counted = true
					if total[backend] == nil {
						total[backend] = &tally{}
					}
					total[backend].Runs += n.Runs
					total[backend].Good += n.Good
				}
			}
			if counted {
				b.WriteString(row + "\n")
			}
		}
	}
	fmt.Fprintf(b, "| all | %s | %s | %s |\n", total["virtual"], total["embedded"], total["docker"])
}

func (n *tally) String() string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d", n.Good, n.Runs)
}

func describeAllowances(list []harness.Allowance) string {
	var words []string
	for _, a := range list {
		words = append(words, fmt.Sprintf("*%s*: %s", a.Check, a.Why))
	}
	return strings.Join(words, "; ")
}
