package bench

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
)

var _ = harness.Register(harness.Implementation{
	Name: "pliable", Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Mutant: true,
	Knobs: []harness.Knob{{Name: "dir", Default: "x", Doc: "any text"}},
	New:   func(harness.Config) (harness.Consumer, error) { return absent{}, nil },
})

// hostileValues are values of a knob that mean something in a path, a pattern or a shell.
var hostileValues = []string{"../../../../victim", "a/b", "..", ".", "a b", "$(touch x)", "it's", "`x`", "a\nb", "^a$", "[a]", "\\", "#", "é", strings.Repeat("long", 100)}

func pliable(t *testing.T, value string) harness.Selection {
	t.Helper()
	selections, err := harness.ParseSelection("pliable?dir=" + value)
	if err != nil {
		t.Fatal(err)
	}
	return selections[0]
}

func TestLedgerOfAnyKnobIsOneFolderUnderOut(t *testing.T) {
	seen := map[string]string{}
	for _, value := range hostileValues {
		dir := ledgerFolder("out", &harness.Scenario{Name: "brief"}, pliable(t, value), 1)
		if filepath.Dir(dir) != filepath.Join("out", "ledger") || len(filepath.Base(dir)) > 255 {
			t.Errorf("%q: ledger in %s", value, dir)
		}
		for _, r := range filepath.Base(dir) {
			if !isSafe(r) {
				t.Errorf("%q: %q in %s", value, r, dir)
			}
		}
		if other, taken := seen[dir]; taken {
			t.Errorf("%q and %q share %s", value, other, dir)
		}
		seen[dir] = value
	}
}

func TestRepeatCommandPlansItsRunForAnyKnob(t *testing.T) {
	for _, value := range hostileValues {
		c := pliable(t, value)
		m := matrix{scenarios: []harness.Scenario{{Name: "brief"}}, consumersBy: map[string][]harness.Selection{"brief": {c}}, repeats: 2}
		words := shellSplit(t, runCommand(&options{broker: "embedded"}, &m.scenarios[0], c, 2))
		run := ""
		for i, w := range words {
			if w == "-run" {
				run = words[i+1]
			}
		}
		if runs := m.plannedRuns(run); len(runs) != 1 || runs[0].repeat != 2 || strings.Count(run, "/") != 3 {
			t.Errorf("%q: -run %s plans %d runs", value, run, len(runs))
		}
		if want := "-consumer=" + c.Name(); words[len(words)-2] != want {
			t.Errorf("a shell reads %q, want %q", words[len(words)-2], want)
		}
	}
}

// shellSplit returns the words of a command as sh reads them.
func shellSplit(t *testing.T, command string) []string {
	t.Helper()
	raw, err := exec.Command("sh", "-c", `printf '%s\0' `+command).Output()
	if err != nil {
		t.Fatalf("sh does not read %s: %v", command, err)
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
}
