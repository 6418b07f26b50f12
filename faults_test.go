//go:build !race

package stampede

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
)

const faultsPage = "harness/fault/FAULTS.md"

// TestFaultsPage compares FAULTS.md with the known faults and the abilities of the back
// ends. STAMPEDE_UPDATE=1 writes it.
func TestFaultsPage(t *testing.T) {
	was, err := os.ReadFile(faultsPage)
	if err != nil {
		t.Fatal(err)
	}
	text := replaceTable(t, string(was), "faults", faultTable(t))
	updatePage(t, faultsPage, string(was), text)
}

var backends = []string{"embedded", "virtual", "docker"}

// faultTable has a row for each known fault and a column for each back end.
func faultTable(t *testing.T) string {
	var rows strings.Builder
	count := map[string]int{}
	for _, k := range fault.All() {
		fmt.Fprintf(&rows, "| %s | %s | %s |", k.Fault.Name(), k.What, k.By)
		for _, name := range backends {
			b, err := harness.FindBackend(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.CheckSupport(b.(harness.Prototyper).Prototype()); err != nil {
				fmt.Fprintf(&rows, " no: %s |", err)
				continue
			}
			count[name]++
			rows.WriteString(" yes |")
		}
		fmt.Fprintf(&rows, " %s |\n", strings.Join(scenariosWith(k.Fault.Name()), ", "))
	}
	var totals []string
	for _, name := range backends {
		totals = append(totals, fmt.Sprintf("%s has %d", name, count[name]))
	}
	return fmt.Sprintf("\nOf %d faults %s.\n\n", len(fault.All()), strings.Join(totals, ", ")) +
		"| fault | what happens | by | embedded | virtual | docker | scenarios |\n|---|---|---|---|---|---|---|\n" + rows.String() + "\n"
}

// scenariosWith are the names of the scenarios that inject a fault.
func scenariosWith(name string) (names []string) {
	for _, s := range harness.Scenarios() {
		if slices.ContainsFunc(s.Injections, func(i harness.Injection) bool { return i.Fault.Name() == name }) {
			names = append(names, s.Name)
		}
	}
	return names
}
