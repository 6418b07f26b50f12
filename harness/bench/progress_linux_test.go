package bench

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/lock"
)

// compareBrief is a comparison of one run in a process of its own. The caller
// connects its output.
func compareBrief(t *testing.T) *exec.Cmd {
	t.Helper()
	if progressBroker != "virtual" {
		lock.Machine(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCompare$", "-scenario=brief", "-consumer=mine", "-broker="+progressBroker)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // this test holds the machine's lock
	return cmd
}

func TestComparisonOnATerminalShowsBars(t *testing.T) {
	cmd := compareBrief(t)
	terminal := openTerminal(t, 100, 30)
	cmd.Stdout, cmd.Stderr = terminal.device, terminal.device
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen, err := terminal.readAll()
	if err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v; it printed:\n%q", err, seen)
	}
	wanted := []string{
		`1 run on ` + progressBroker + `, about`,
		`runs +1 / 1 \[=+\]`, // the bar of all runs in its last state
		`\x1b\[`,             // bars are redrawn in place
		`\[1/1\] brief mine@cooperative 1: pass, `,
	}
	if progressBroker != "virtual" { // there a run may be over before a bar is drawn
		wanted = append(wanted, `runs +0 / 1 \[-+\] about \d+s left`, `brief mine@cooperative 1 +\[[=>]*-+\] load +\d+/s +backlog \d`)
	}
	for _, want := range wanted {
		if !regexp.MustCompile(want).MatchString(seen) {
			t.Errorf("%s is missing in:\n%q", want, seen)
		}
	}
	if strings.Contains(seen, "1: load, sent") {
		t.Errorf("it prints the lines of a log:\n%q", seen)
	}
}

func TestComparisonInALogPrintsPlainLines(t *testing.T) {
	cmd := compareBrief(t)
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	if err != nil {
		t.Errorf("%v; it printed:\n%s", err, out)
	}
	lines := regexp.MustCompile(`(?s)1 run on ` + progressBroker + `, about .*` +
		`\[1/1\] brief mine@cooperative 1: starting\n.*` +
		`\[1/1\] brief mine@cooperative 1: load, sent \d+, .*` +
		`\[1/1\] brief mine@cooperative 1: judging, sent 100, .*` +
		`\[1/1\] brief mine@cooperative 1: pass, `)
	if !lines.MatchString(out) {
		t.Errorf("a line is missing or out of order in:\n%s", out)
	}
	if strings.ContainsAny(out, "\x1b\r") {
		t.Errorf("it prints control characters:\n%q", out)
	}
}

func TestListFitsTheTerminalItIsPrintedTo(t *testing.T) {
	cmd := listCommand(t, "COLUMNS=200")
	terminal := openTerminal(t, 60, 30)
	cmd.Stdout = terminal.device
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen, err := terminal.readAll()
	if err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	checkWidth(t, seen, 60)
}
