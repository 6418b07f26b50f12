package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
)

// forks is the consumer of the example. Each pod of it starts a child in its process
// group, one in a session of its own, and one without a parent and an environment.
type forks struct{ honest harness.Consumer }

// sleepEnv has the number of seconds that the children sleep. It tells them from others.
const sleepEnv = "STAMPEDE_TEST_SLEEP"

const forkScript = `sleep $STAMPEDE_TEST_SLEEP &
setsid sleep $STAMPEDE_TEST_SLEEP &
setsid env -i PATH="$PATH" sh -c "sleep $STAMPEDE_TEST_SLEEP &"`

func (f forks) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	if err := exec.Command("sh", "-c", forkScript).Run(); err != nil {
		return err
	}
	return f.honest.Consume(ctx, cfg, w)
}

var _ = harness.Register(harness.Implementation{
	Name: "forks", Mutant: true, Delivery: harness.AtLeastOnce, Order: harness.OrderKey,
	New: func(cfg harness.Config) (harness.Consumer, error) {
		example, err := harness.FindImplementation("mine")
		if err != nil {
			return nil, err
		}
		honest, err := example.New(cfg)
		return forks{honest}, err
	},
})

var _ = harness.RegisterScenario(harness.Scenario{
	Name: "two-pods", Doc: "What is left of two pods after a kill?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 100, For: time.Second}, Keys: load.Uniform{N: 5}},
	Service:    load.Fixed(0),
	Partitions: 2, Pods: 2, Session: 3 * time.Second,
})

var _ = harness.RegisterScenario(harness.Scenario{
	Name: "paused-pod", Doc: "What is left of pods that stand still, after a kill?",
	Load:    harness.Load{Pacer: load.Constant{Rate: 100, For: 2 * time.Minute}, Keys: load.Uniform{N: 5}},
	Service: load.Fixed(0),
	Injections: []harness.Injection{
		{Fault: fault.PausePod{}, At: 100 * time.Millisecond, HealAfter: time.Minute},
		{Fault: fault.StarvePod{}, At: 200 * time.Millisecond, HealAfter: time.Minute},
	},
	Partitions: 2, Pods: 2, Session: 10 * time.Second, // the paused pod stays an owner, and the other one as well
})

// killedHarness makes comparisons in processes of their own, which are killed.
type killedHarness struct {
	temp, out string
	sleep     string // seconds that the children of pods sleep
}

// command is a comparison.
func (k killedHarness) command(ctx context.Context, flags ...string) *exec.Cmd {
	args := append([]string{"-test.run=^TestCompare$", "-scenario=two-pods", "-consumer=forks", "-keep", "-out=" + k.out}, flags...)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+k.temp, sleepEnv+"="+k.sleep)
	return cmd
}

// processes are the living processes of the harness, of its pods, and of their children.
func (k killedHarness) processes(t *testing.T) (pods, children []int) {
	t.Helper()
	proc, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range proc {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // that of a zombie is empty
		command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		switch sleeps := bytes.Contains(command, []byte(k.sleep)); {
		case bytes.Contains(environment, []byte("TMPDIR="+k.temp)) && !sleeps:
			pods = append(pods, pid)
		case sleeps:
			children = append(children, pid)
		}
	}
	return pods, children
}

// folders are the folders of runs.
func (k killedHarness) folders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(k.temp, "stampede-run-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// killAt starts a comparison and kills it after a while. What an earlier one has left is
// gone when it has said its plan.
func (k killedHarness) killAt(t *testing.T, ctx context.Context, after time.Duration) {
	t.Helper()
	_, children := k.processes(t)
	folders := k.folders(t)
	cmd := k.command(ctx, "-repeat=10000")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stderr)
	if line, err := said.ReadString('\n'); err != nil {
		t.Errorf("it said %q: %v", line, err)
	}
	for _, pid := range children {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
			t.Errorf("child %d of a killed harness lives on after the next start", pid)
		}
	}
	for _, dir := range folders {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("folder %s of a killed harness is there after the next start", dir)
		}
	}
	go said.WriteTo(new(strings.Builder))
	time.Sleep(after)
	cmd.Process.Kill()
	cmd.Wait()
}

// awaitEndOfPods waits until the kernel has ended the pods of a killed harness.
func (k killedHarness) awaitEndOfPods(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		pods, _ := k.processes(t)
		if len(pods) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("pods %v outlive their harness", pods)
		}
	}
}

// TestNothingIsLeftOfAKilledHarness kills the harness at random moments; STAMPEDE_KILLS
// says how often. Its pods end with it. Their children and the folder of the run are left
// until the next start.
func TestNothingIsLeftOfAKilledHarness(t *testing.T) {
	lock.Machine(t)
	kills, longest := 3, 3*time.Second
	if n, err := strconv.Atoi(os.Getenv("STAMPEDE_KILLS")); err == nil {
		kills, longest = n, 6*time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(kills+2)*time.Minute)
	defer cancel()
	k := killedHarness{temp: t.TempDir(), out: filepath.Join(t.TempDir(), "out"), sleep: fmt.Sprintf("99999.%07d", os.Getpid())}
	t.Cleanup(func() {
		pods, children := k.processes(t)
		for _, pid := range append(pods, children...) {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	for i := range kills {
		after := time.Duration(rand.Int64N(int64(longest)))
		k.killAt(t, ctx, after)
		k.awaitEndOfPods(t)
		_, children := k.processes(t)
		t.Logf("kill %d, after %v: %d children and %d folders are left for the next start", i+1, after.Round(time.Millisecond), len(children), len(k.folders(t)))
	}
	raw, err := k.command(ctx).CombinedOutput() // on a busy machine its run may be inconclusive
	k.checkNothingIsLeft(t)
	if t.Failed() {
		t.Logf("the last comparison (%v) printed:\n%s", err, raw)
	}
}

// TestNothingIsLeftOfAHarnessKilledWhilePodsStandStill: a paused or starved pod does not see the
// end of its harness, and it ends all the same.
func TestNothingIsLeftOfAHarnessKilledWhilePodsStandStill(t *testing.T) {
	lock.Machine(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	k := killedHarness{temp: t.TempDir(), out: filepath.Join(t.TempDir(), "out"), sleep: fmt.Sprintf("88888.%07d", os.Getpid())}
	t.Cleanup(func() {
		pods, children := k.processes(t)
		for _, pid := range append(pods, children...) {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	cmd := k.command(ctx, "-scenario=paused-pod")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	for k.stoppedPods(t) < 2 {
		select {
		case <-ended: // of itself, or with ctx
			t.Fatalf("no two pods stand still; the harness said:\n%s", &said)
		case <-time.After(5 * time.Millisecond):
		}
	}
	cmd.Process.Kill()
	<-ended
	k.awaitEndOfPods(t)
	raw, err := k.command(ctx).CombinedOutput()
	k.checkNothingIsLeft(t)
	if t.Failed() {
		t.Logf("the last comparison (%v) printed:\n%s", err, raw)
	}
}

// stoppedPods counts the processes of the harness that a signal has stopped.
func (k killedHarness) stoppedPods(t *testing.T) (n int) {
	pods, _ := k.processes(t)
	for _, pid := range pods {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if i := bytes.LastIndexByte(stat, ')'); i >= 0 && bytes.HasPrefix(stat[i:], []byte(") T")) {
			n++
		}
	}
	return n
}

// checkNothingIsLeft checks that no process and no folder is left, and that the lock is free.
func (k killedHarness) checkNothingIsLeft(t *testing.T) {
	t.Helper()
	if pods, children := k.processes(t); len(pods)+len(children) > 0 {
		t.Errorf("left are the pods %v and the children %v", pods, children)
	}
	const lockFile = "stampede-e2e.lock"
	files, err := os.ReadDir(k.temp)
	if err != nil || len(files) != 1 || files[0].Name() != lockFile {
		t.Errorf("left are the files %v (error %v), want the lock file", files, err)
	}
	f, err := os.Open(filepath.Join(k.temp, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("the lock is not free: %v", err)
	}
	hidden, err := filepath.Glob(filepath.Join(k.out, ".*"))
	partial, _ := filepath.Glob(filepath.Join(k.out, "ledger", ".*"))
	if left := append(hidden, partial...); err != nil || len(left) > 0 {
		t.Errorf("left in the folder of the reports: %q", left)
	}
}
