package pod

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// startMarked starts a process that sleeps, with a mark.
func startMarked(t *testing.T, m mark) stray {
	t.Helper()
	cmd := exec.Command("sleep", "3600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	limit := unix.Rlimit{Cur: uint64(m), Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_LOCKS, &limit, nil); err != nil {
		t.Fatal(err)
	}
	return stray{cmd.Process.Pid, m}
}

// refuse is what the kernel says to a signal for the process of another user.
func refuse(*os.Process) error { return unix.EPERM }

func TestProcessThatCannotBeEndedIsNamed(t *testing.T) {
	first, second := newMark(), newMark()
	s, other := startMarked(t, first), startMarked(t, second)
	fits := func(m mark) bool { return m == first }
	if left := endMarked(fits, refuse); !slices.Equal(left, []stray{s}) {
		t.Fatalf("left are %v, want %v", left, s)
	}
	if got, want := s.describe(), fmt.Sprintf("process %d (sleep 3600)", s.pid); got != want {
		t.Errorf("it is called %q, want %q", got, want)
	}
	if left := endMarked(fits, sigkill); left != nil {
		t.Errorf("left are %v", left)
	}
	if _, alive := readStartTime(s.pid); alive {
		t.Error("the process lives on")
	}
	if m, ok := readMark(other.pid); !ok || m != second {
		t.Errorf("the other process has the mark %x, %v", m, ok)
	}
}

// The report names what the fleet could not end.
func TestSurvivorsAreInTheReportOfTheirPod(t *testing.T) {
	p := &process{output: &output{}, mark: newMark(), record: Incarnation{Pod: "pod-1", Down: 1, Survivors: []string{"process 7 (sleep 60)"}}}
	f := &Fleet{}
	f.started, f.instances = true, []*process{p}
	f.list = []*pod[*process]{{pods: &f.pods, name: "pod-1", starts: 1, last: p}}
	if u := f.Usage(); !slices.Equal(u[0].Survivors, p.record.Survivors) {
		t.Errorf("usage: %+v", u)
	}
}

func TestMarkNamesItsHarness(t *testing.T) {
	m := newMark()
	if m.harnessPid() != os.Getpid() || m.isOrphaned() || m == newMark() {
		t.Errorf("mark %x: process %d, orphaned: %v; want process %d, which lives", m, m.harnessPid(), m.isOrphaned(), os.Getpid())
	}
	start, _ := readStartTime(os.Getpid())
	if m := markBit | harnessBits(os.Getpid(), start+1); !m.isOrphaned() {
		t.Error("a process with the number of a dead harness counts as that harness")
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	if m := markBit | harnessBits(dead.Process.Pid, start); !m.isOrphaned() {
		t.Error("a harness that has ended counts as alive")
	}
}

func TestProcessesWithoutAMarkAreLeftAlone(t *testing.T) {
	for _, limit := range []uint64{0, 1024, unix.RLIM_INFINITY} {
		s := startMarked(t, mark(limit))
		if m, ok := readMark(s.pid); ok {
			t.Errorf("a limit of %d is the mark %x", limit, m)
		}
	}
}
