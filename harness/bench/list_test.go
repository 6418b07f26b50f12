package bench

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

func TestWrapText(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "  name    ",
		"one two three":             "  name    one two\n          three",
		"a-word-of-many-characters": "  name    a-word-of-many-characters",
		"a a-word-of-many-letters b c": "  name    a\n" +
			"          a-word-of-many-letters\n" +
			"          b c",
		"zwölf ör x": "  name    zwölf ör\n          x",
	} {
		if got := wrapText("  name    ", text, 18); got != want {
			t.Errorf("%q:\n%q, want\n%q", text, got, want)
		}
	}
}

// A list has the error of a scenario that cannot run, in its place.
func TestListShowsWhyAScenarioCannotRun(t *testing.T) {
	good := harness.Scenario{
		Name: "poor", Load: harness.Load{Pacer: load.Constant{Rate: 10, For: time.Second}, Keys: load.Uniform{N: 5}}, Service: load.Fixed(0),
	}
	for want, spoil := range map[string]func(*harness.Scenario){
		"Load.Pacer: want a schedule": func(s *harness.Scenario) { s.Load.Pacer = nil },
		"Load.Keys: want":             func(s *harness.Scenario) { s.Load.Keys = nil },
		"Service: want":               func(s *harness.Scenario) { s.Service = nil },
		"after the end of the load": func(s *harness.Scenario) {
			s.Injections = []harness.Injection{{Fault: fault.KillPod{}, At: time.Hour}}
		},
		"takes about": func(*harness.Scenario) {},
	} {
		s := good
		spoil(&s)
		var list strings.Builder
		listScenario(&list, 200, &s)
		if !strings.Contains(list.String(), want) {
			t.Errorf("listed as %q, want %q in it", list.String(), want)
		}
	}
}

func TestListSaysThatNothingIsClaimed(t *testing.T) {
	var list strings.Builder
	listConsumer(&list, 80, &harness.Implementation{Name: "humble"})
	if !strings.Contains(list.String(), "nothing claimed") {
		t.Errorf("listed as %q", list.String())
	}
}

// checkWidth checks that lines are short, but for a word that is longer.
func checkWidth(t *testing.T, list string, width int) {
	t.Helper()
	longest := 0
	for line := range strings.Lines(list) {
		line = strings.TrimRight(line, "\r\n")
		if len([]rune(line)) > width && len(strings.Fields(line)) > 1 {
			t.Errorf("%d columns, want at most %d: %s", len(line), width, line)
		}
		longest = max(longest, len([]rune(line)))
	}
	if longest < width*3/4 {
		t.Errorf("the longest line has %d columns of %d", longest, width)
	}
}

// listCommand prints the list in a process of its own.
func listCommand(t *testing.T, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$", "-scenarios")
	cmd.Env = append(append(os.Environ(), "COLUMNS="), env...)
	return cmd
}

func TestListFitsTheTerminal(t *testing.T) {
	for columns, width := range map[string]int{"": defaultWidth, "x": defaultWidth, "120": 120, "3": minWidth} {
		raw, err := listCommand(t, "COLUMNS="+columns).Output()
		if err != nil {
			t.Fatal(err)
		}
		checkWidth(t, string(raw), width)
	}
}
