//go:build synctests

package bench

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
)

// launchBy makes processes with these names start a command: each starts the next, and
// waits for it, as make and go do. They are a shell under another name.
func launchBy(t *testing.T, cmd *exec.Cmd, names ...string) {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	var args []string
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.Symlink(shell, path); err != nil {
			t.Fatal(err)
		}
		args = append(args, path, "-c", `"$@"; exit`, name) // without the exit it would be replaced by the command
	}
	cmd.Path, cmd.Args = args[0], append(args, cmd.Args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // for the end of a test that has failed
	t.Cleanup(func() {
		if cmd.Process != nil {
			unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		}
	})
}

// readToEnd returns all that is written into a pipe, until all writers have ended.
func readToEnd(t *testing.T, pipe io.Reader) string {
	t.Helper()
	ended := make(chan []byte, 1)
	go func() {
		raw, _ := io.ReadAll(pipe)
		ended <- raw
	}()
	select {
	case raw := <-ended:
		return string(raw)
	case <-time.After(time.Minute):
		t.Fatal("the comparison goes on")
		panic("unreachable")
	}
}

func TestComparisonEndsWithTheCommandThatLaunchedIt(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	for _, c := range []struct {
		launchers string
		signal    unix.Signal
	}{
		{"go", unix.SIGKILL},
		{"go", unix.SIGTERM},
		{"make sh go", unix.SIGKILL},
	} {
		t.Run(c.launchers+" "+unix.SignalName(c.signal), func(t *testing.T) {
			cmd, out := compareVirtual(t, "-scenario=brief", "-repeat=10000")
			names := strings.Fields(c.launchers)
			launchBy(t, cmd, names...)
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitFile(t, filepath.Join(out, "report.html"))
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			said := readToEnd(t, stderr)
			if !strings.Contains(said, "stampede: "+names[0]+" (process ") || !strings.Contains(said, "has ended: the run ends and is reported") {
				t.Errorf("it said:\n%s", said)
			}
			if r := readResult(t, out); len(r.Runs) == 0 || !r.Interrupted || r.Runs[0].Status != harness.Pass {
				t.Errorf("%d runs, interrupted: %v, want a passed run and the interruption", len(r.Runs), r.Interrupted)
			}
			cmd.Wait()
		})
	}
}

// A binary that a user starts directly outlives the shell that started it.
func TestComparisonOutlivesTheShellThatStartedIt(t *testing.T) {
	cmd, out := compareVirtual(t, "-scenario=brief", "-repeat=60")
	launchBy(t, cmd, "bash", "nohup")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, filepath.Join(out, "report.html"))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if said := readToEnd(t, stderr); strings.Contains(said, "has ended") {
		t.Errorf("it said:\n%s", said)
	}
	if r := readResult(t, out); len(r.Runs) != 60 || r.Interrupted {
		t.Errorf("%d runs, interrupted: %v", len(r.Runs), r.Interrupted)
	}
	cmd.Wait()
}
