package mutants_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var pagePath = filepath.Join(testdata, "mutants.md")

// The page says what is declared and what was counted. STAMPEDE_UPDATE=1 writes it.
func TestPage(t *testing.T) {
	if os.Getenv("STAMPEDE_UPDATE") == "1" {
		writePage(t)
	}
	was, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(was) != page(t, honest()) {
		t.Errorf("%s is not what is declared and counted: STAMPEDE_UPDATE=1 go test -run TestPage ./consumers/mutants", pagePath)
	}
}

// A consumer that nobody has counted yet is not on the page: one file is enough for it.
func TestPageIsOfWhatWasCounted(t *testing.T) {
	yours := &harness.Implementation{Name: "yours", Delivery: harness.AtLeastOnce, Order: harness.OrderKey}
	if page(t, append(honest(), yours)) != page(t, honest()) {
		t.Error("the page changes with a consumer that has no counts")
	}
}

func writePage(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(pagePath, []byte(page(t, honest())), 0o644); err != nil {
		t.Error(err)
	}
}

const intro = `# What each check is proven to catch

Each mutant is a good consumer with one seeded bug; a check that stays silent at its bug, or speaks at another's, breaks the
test. *Must*: the check has to catch it, with evidence. *May*: it can find something too, for the reason given. All other checks
are *never*: they have to stay clean. A check that nobody is held to catches by counting.

The counts are runs, one a seed, in which all of that held: in virtual time (kfake in memory), on the embedded broker (kfake,
pods as processes) and, for a third of the mutants, on real Kafka. ` + "`make soak-mutants`" + ` makes them; ` + "`make test`" + ` makes one run of
each in virtual time and a few on the embedded broker.
`

func page(t *testing.T, honest []*harness.Implementation) string {
	t.Helper()
	all := map[string]figures{}
	for _, stage := range stages {
		all[stage] = loadFigures(t, stage)
	}
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("\n## Mutants\n\n| mutant | its bug | scenario | must | may | virtual | embedded | docker |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range culprits() {
		for n, scene := range c.scenes() {
			doc, may := c.doc, mays(c.may)
			if n > 0 {
				doc, may = "", ""
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |", c.name, doc, scene, strings.Join(c.musts(scene), ", "), may)
			for _, stage := range stages {
				fmt.Fprintf(&b, " %s |", all[stage].Mutants[c.name+"/"+scene])
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n## Checks\n\n| check | must catch | may find | never |\n|---|---|---|---|\n")
	for _, check := range checks() {
		by := map[string][]string{}
		for _, c := range culprits() {
			by[c.declares(check)] = append(by[c.declares(check)], c.name)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", check, strings.Join(by["must"], ", "), len(by["may"]), len(by["never"]))
	}
	b.WriteString("\n## Scenarios\n\n| scenario | what happens |\n|---|---|\n")
	for _, s := range used() {
		fmt.Fprintf(&b, "| %s | %s |\n", s, scenes[s].Doc)
	}
	b.WriteString("\n## Honest consumers\n\nClean runs while pods are killed, pause, mostly for longer than their session, leave and join at random; on docker brokers are killed too.\n\n" +
		"| consumer | virtual | embedded | docker |\n|---|---|---|---|\n")
	total := map[string]*tally{}
	for _, i := range honest {
		for _, p := range harness.Protocols {
			name := i.Name + "@" + string(p)
			row, any := "| "+name+" |", false
			for _, stage := range stages {
				n := all[stage].Honest[name]
				row += fmt.Sprintf(" %s |", n)
				if n != nil {
					any = true
					if total[stage] == nil {
						total[stage] = &tally{}
					}
					total[stage].Runs += n.Runs
					total[stage].Good += n.Good
				}
			}
			if any {
				b.WriteString(row + "\n")
			}
		}
	}
	fmt.Fprintf(&b, "| all | %s | %s | %s |\n", total["virtual"], total["embedded"], total["docker"])
	return b.String()
}

func (n *tally) String() string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d", n.Good, n.Runs)
}

func mays(list []harness.Allowance) string {
	var words []string
	for _, a := range list {
		words = append(words, fmt.Sprintf("*%s*: %s", a.Check, a.Why))
	}
	return strings.Join(words, "; ")
}

// used are the scenes that culprits are to be caught in.
func used() (names []string) {
	for _, c := range culprits() {
		names = append(names, c.scenes()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checks are the engine's own, of the pods themselves, and those of the oracle.
func checks() []string { return oracle.Checks() }

// Every check is proven by a mutant that it must catch and by three at least that
// it never may.
func TestEveryCheckIsProven(t *testing.T) {
	for _, check := range checks() {
		by := map[string]int{}
		for _, c := range culprits() {
			by[c.declares(check)]++
		}
		if by["must"] == 0 || by["never"] < 3 {
			t.Errorf("check %q: in %d must and %d never, want 1 and 3 at least", check, by["must"], by["never"])
		}
	}
	for _, c := range culprits() {
		for _, m := range c.must {
			if _, ok := scenes[m.Scenario]; !ok || !slices.Contains(checks(), m.Check) {
				t.Errorf("%s must fail %q in %q, and there is no such check or scene", c.name, m.Check, m.Scenario)
			}
		}
		for _, a := range c.may {
			if !slices.Contains(checks(), a.Check) || a.Why == "" {
				t.Errorf("%s may fail %q (%q), and there is no such check or no reason", c.name, a.Check, a.Why)
			}
		}
		if len(c.must) == 0 || c.doc == "" {
			t.Errorf("%s: must %v, doc %q", c.name, c.must, c.doc)
		}
	}
}
