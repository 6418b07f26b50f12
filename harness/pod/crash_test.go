package pod_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/pod"
)

// working waits until the witness at path has counted to n.
func working(t *testing.T, ctx context.Context, path string, n int64) {
	t.Helper()
	eventually(t, ctx, path, func() bool { return exists(path) })
	w, err := openWitness(path)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, ctx, fmt.Sprintf("%s counts to %d", path, n), func() bool { return w.Load() >= n })
}

// Each Do that returned before a SIGKILL at full speed is in the journal.
func TestJournalSurvivesSIGKILL(t *testing.T) {
	lock.Machine(t)
	const kills = 50
	ctx, dir := patient(t), t.TempDir()
	o := options(dir, "loop", 1)
	o.Config.Workers = 8
	f := start(t, ctx, o)
	p, r := f.Pods()[0], rand.New(rand.NewPCG(1, 2))
	var total int64
	for n := 1; n <= kills; n++ {
		path := filepath.Join(dir, fmt.Sprintf("pod-1.%d.witness", n))
		working(t, ctx, path, 3000+r.Int64N(40_000)) // across windows of the journal
		if err := p.Kill(ctx); err != nil {
			t.Fatal(err)
		}
		witness, err := openWitness(path)
		if err != nil {
			t.Fatal(err)
		}
		seen := witness.Load()
		i := f.Incarnations()[n-1]
		var effects int64
		attempts(t, i.Journal, func(s *ledger.Slot) {
			if s.Outcome() == ledger.OutcomeEffect {
				effects++
			}
		})
		if effects < seen || effects > seen+int64(o.Config.Workers) {
			t.Errorf("kill %d: %d effects in the journal, the witness saw %d", n, effects, seen)
		}
		total += effects
		os.Remove(i.Journal)
		if n < kills {
			if err := p.Start(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d effects in %d kills", total, kills)
}

// middleDir, in the environment, makes the test binary a harness that starts a
// fleet of unresponsive pods with files in that folder and then waits to be killed.
const middleDir = "STAMPEDE_TEST_MIDDLE"

const middlePods = 3

// middleDetaches, in the environment, gives that harness one pod, whose children leave it.
const middleDetaches = "STAMPEDE_TEST_MIDDLE_DETACHES"

func middleMain() {
	dir := os.Getenv(middleDir)
	if dir == "" {
		return
	}
	mode, pods := "unresponsive", middlePods
	if os.Getenv(middleDetaches) != "" {
		mode, pods = "detaches", 1
	}
	f, err := pod.NewFleet(options(dir, mode, pods))
	if err == nil {
		err = f.Start(context.Background())
	}
	fmt.Println("started", err)
	select {}
}

// startMiddle starts that harness, and returns when its pods have started.
func startMiddle(t *testing.T, ctx context.Context, dir string, env ...string) *exec.Cmd {
	t.Helper()
	middle := exec.CommandContext(ctx, os.Args[0])
	middle.Env = append(append(os.Environ(), middleDir+"="+dir), env...)
	out, err := middle.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := middle.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		middle.Process.Kill()
		middle.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "started <nil>\n" {
		t.Fatalf("the middle process said %q (%v)", line, err)
	}
	return middle
}

func TestNoPodOutlivesTheHarness(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	middle := startMiddle(t, ctx, dir)
	consuming(t, ctx, dir, middlePods)
	var pids []int
	for i := range middlePods {
		pids = append(pids, readPid(t, filepath.Join(dir, fmt.Sprintf("pod-%d.pid", i+1))))
	}
	for _, pid := range pids {
		if gone(pid) {
			t.Fatalf("pod %d is gone before its harness", pid)
		}
		defer func() {
			if !gone(pid) {
				unix.Kill(pid, unix.SIGKILL)
			}
		}()
	}
	if err := middle.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		eventually(t, ctx, fmt.Sprintf("the end of pod %d", pid), func() bool { return gone(pid) })
	}
}

func readPid(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// gone reports whether a process has ended. An orphan may stay a zombie.
func gone(pid int) bool {
	if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// orphan is a pod that the test starts itself: with a lifeline and no Pdeathsig.
func orphan(t *testing.T, ctx context.Context, mode string) (cmd *exec.Cmd, lifeline *os.File) {
	t.Helper()
	dir := t.TempDir()
	o := options(dir, mode, 1)
	o.Config.Pod = "pod-1"
	env, err := pod.Spec{
		Implementation: o.Implementation, Config: o.Config, Service: o.Service,
		Journal: filepath.Join(dir, "journal"), Owner: 1,
	}.Environ()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), env)
	cmd.ExtraFiles = []*os.File{read}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read.Close()
	t.Cleanup(func() { write.Close() })
	consuming(t, ctx, dir, 1)
	return cmd, write
}

func TestPodEndsWithItsHarness(t *testing.T) {
	lock.Machine(t)
	cmd, lifeline := orphan(t, patient(t), "unresponsive")
	lifeline.Close()
	if err := cmd.Wait(); err == nil || err.Error() != "exit status 6" {
		t.Errorf("a pod without its harness: %v", err)
	}
}

func TestPodIgnoresSIGINT(t *testing.T) {
	lock.Machine(t)
	cmd, _ := orphan(t, patient(t), "idle")
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGINT, then SIGTERM: %v", err)
	}
}
