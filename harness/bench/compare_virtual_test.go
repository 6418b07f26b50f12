//go:build synctests

package bench

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/reports"
)

// panics is a scenario whose fault panics.
var _ = harness.RegisterScenario(harness.Scenario{
	Name: "panics", Doc: "What is left after a fault that panics?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 100, For: 5 * time.Second}, Keys: load.Uniform{N: 5}},
	Service:    load.Fixed(0),
	Partitions: 2, Pods: 1,
	Injections: []harness.Injection{{Fault: panickingFault{}, At: time.Second}},
})

type panickingFault struct{}

func (panickingFault) Name() string { return "panic" }

func (panickingFault) Inject(context.Context, *harness.Env) (func(context.Context) error, error) {
	panic("a fault with a bug")
}

func (panickingFault) Verify(context.Context, *harness.Env) error { return nil }

// compareVirtual is a comparison in a process of its own, with reports in out.
func compareVirtual(t *testing.T, flags ...string) (cmd *exec.Cmd, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	out = filepath.Join(t.TempDir(), "out")
	args := append([]string{"-test.run=^TestCompare$", "-broker=virtual", "-consumer=mine", "-out=" + out}, flags...)
	cmd = exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	return cmd, out
}

func readResult(t *testing.T, out string) *harness.Comparison {
	t.Helper()
	f, err := os.Open(filepath.Join(out, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := reports.ReadJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRunThatCannotBeMadeIsInTheReport(t *testing.T) {
	cmd, out := compareVirtual(t, "-scenario=brief", "-consumer=mine,lingers")
	raw, _ := cmd.CombinedOutput()
	c := readResult(t, out)
	if len(c.Runs) != 2 || len(c.Cells) != 2 || c.Interrupted {
		t.Fatalf("%d runs, %d cells, interrupted: %v", len(c.Runs), len(c.Cells), c.Interrupted)
	}
	if r := c.Runs[1]; r.Status != harness.NotMade || r.Expected || !strings.Contains(r.Reasons[0], "pod-1.1 has not returned") {
		t.Errorf("the second run is %s: %v", r.Status, r.Reasons)
	}
	if exit := cmd.ProcessState.ExitCode(); exit != exitNoRun || !bytes.Contains(raw, []byte("mine kept every appended record; 1 of 2 runs could not be made.")) {
		t.Errorf("exit status %d, want %d; it printed:\n%s", exit, exitNoRun, raw)
	}
}

// awaitFile waits until a comparison has written a file.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("there is no %s", path)
		}
	}
}

// sendRepeatedly sends a signal until the process has ended.
func sendRepeatedly(p *os.Process, s os.Signal, ended <-chan struct{}) {
	for p.Signal(s) == nil {
		select {
		case <-ended:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestResultsSurviveTheEndOfTheProcess(t *testing.T) {
	for _, c := range []struct {
		name   string
		flags  []string
		signal os.Signal
		exit   int
	}{
		{"SIGKILL", []string{"-scenario=brief", "-repeat=10000"}, unix.SIGKILL, -1},
		{"SIGHUP", []string{"-scenario=brief", "-repeat=10000"}, unix.SIGHUP, exitFailed},
		{"SIGHUP again and again", []string{"-scenario=brief", "-repeat=10000"}, unix.SIGHUP, exitFailed},
		{"panic", []string{"-scenario=brief,panics"}, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.signal == unix.SIGHUP && signal.Ignored(unix.SIGHUP) {
				t.Skip("nohup started this test")
			}
			cmd, out := compareVirtual(t, c.flags...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitFile(t, filepath.Join(out, "report.html"))
			if c.signal != nil {
				if err := cmd.Process.Signal(c.signal); err != nil {
					t.Error(err)
				}
			}
			if strings.HasSuffix(c.name, "again") {
				ended := make(chan struct{})
				defer close(ended)
				go sendRepeatedly(cmd.Process, c.signal, ended)
			}
			cmd.Wait()
			if exit := cmd.ProcessState.ExitCode(); exit != c.exit {
				t.Errorf("exit status %d, want %d", exit, c.exit)
			}
			if r := readResult(t, out); len(r.Runs) == 0 || !r.Interrupted || r.Runs[0].Status != harness.Pass {
				t.Errorf("%d runs, interrupted: %v, want a passed run and the interruption", len(r.Runs), r.Interrupted)
			}
		})
	}
}

func TestReportsAreWrittenWithoutATerminal(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full: ", err)
	}
	defer full.Close()
	for name, open := range map[string]func() *os.File{
		"full disk": func() *os.File { return full },
		"closed pipe": func() *os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, out := compareVirtual(t, "-scenario=brief")
			var said strings.Builder
			cmd.Stdout, cmd.Stderr = open(), &said
			cmd.Run()
			if c := readResult(t, out); len(c.Runs) != 1 || c.Interrupted {
				t.Errorf("%d runs, interrupted: %v", len(c.Runs), c.Interrupted)
			}
			if exit := cmd.ProcessState.ExitCode(); exit != exitFailed || !strings.Contains(said.String(), "stampede: print the report: write /dev/stdout: ") {
				t.Errorf("exit status %d, want %d; it said:\n%s", exit, exitFailed, said.String())
			}
			// Without both it still writes.
			cmd, out = compareVirtual(t, "-scenario=brief")
			cmd.Stdout, cmd.Stderr = open(), open()
			cmd.Run()
			if c := readResult(t, out); len(c.Runs) != 1 || c.Interrupted {
				t.Errorf("without standard error: %d runs, interrupted: %v", len(c.Runs), c.Interrupted)
			}
		})
	}
}

func TestReportsAreWrittenAfterTheTerminalHasClosed(t *testing.T) {
	cmd, out := compareVirtual(t, "-scenario=brief", "-repeat=20")
	terminal := openTerminal(t, 100, 30)
	cmd.Stdout, cmd.Stderr = terminal.device, terminal.device
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.device.Close()
	awaitFile(t, filepath.Join(out, "report.html"))
	terminal.screen.Close()
	cmd.Wait()
	if c := readResult(t, out); len(c.Runs) != 20 || c.Interrupted {
		t.Errorf("%d runs, interrupted: %v, exit status %d", len(c.Runs), c.Interrupted, cmd.ProcessState.ExitCode())
	}
}
