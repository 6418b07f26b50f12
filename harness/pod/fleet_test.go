package pod_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/pod"
)

const (
	testRun = 7
	// patience is how long a test waits. A pod starts in milliseconds, but not on a busy
	// machine.
	patience = 30 * time.Second
)

// options are those of a fleet of probes whose files go to dir.
func options(dir, mode string, pods int) pod.Options {
	return pod.Options{
		Implementation: "probe",
		Config:         harness.Config{Topic: "source", Workers: 4, Knobs: map[string]string{"mode": mode, "dir": dir}},
		Service:        "0s", Run: testRun, Pods: pods, Dir: dir, Clock: ledger.NewClock(),
	}
}

// start starts a fleet that is gone when the test ends.
func start(t *testing.T, ctx context.Context, o pod.Options) *pod.Fleet {
	t.Helper()
	f, err := pod.NewFleet(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Kill(); err != nil {
			t.Error(err)
		}
	})
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return f
}

// eventually polls until condition holds.
func eventually(t *testing.T, ctx context.Context, what string, condition func() bool) {
	t.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("timed out: wait for %s", what)
		}
	}
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// consuming waits until the consumers of all pods have been called.
func consuming(t *testing.T, ctx context.Context, dir string, pods int) {
	t.Helper()
	for i := range pods {
		path := filepath.Join(dir, fmt.Sprintf("pod-%d.pid", i+1))
		eventually(t, ctx, path, func() bool { return exists(path) })
	}
}

func TestFleetKillsStartsAndStopsPods(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	f := start(t, ctx, options(dir, "loop", 3))
	consuming(t, ctx, dir, 3)
	second := f.Pods()[1]
	if err := second.Start(ctx); err == nil {
		t.Error("a pod that lives was started again")
	}
	working(t, ctx, filepath.Join(dir, "pod-2.1.witness"), 1)
	if err := second.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Kill(ctx); err == nil {
		t.Error("a dead pod was killed again")
	}
	if err := second.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"pod-1.1", "pod-2.2", "pod-3.1"} {
		working(t, ctx, filepath.Join(dir, id+".witness"), 1)
	}
	if killed, err := f.Stop(ctx); len(killed) > 0 || err != nil {
		t.Errorf("stop: killed %v, error %v", killed, err)
	}
	if err := second.Start(ctx); err == nil {
		t.Error("a pod was started after the fleet had been stopped")
	}

	want := []string{"1 pod-1 1 exit status 0", "2 pod-2 1 signal: killed", "3 pod-3 1 exit status 0", "4 pod-2 2 exit status 0"}
	var got []string
	for _, i := range f.Incarnations() {
		got = append(got, fmt.Sprintf("%d %s %d %s", i.Owner, i.Pod, i.N, i.Exit))
		if !i.Intended || i.Up <= 0 || i.Down <= i.Up {
			t.Errorf("%s: asked %v, up %d, down %d, printed: %s", got[len(got)-1], i.Intended, i.Up, i.Down, i.Stderr)
		}
		checkAttempts(t, i)
	}
	if !slices.Equal(got, want) {
		t.Errorf("incarnations:\n%q, want\n%q", got, want)
	}
	for i, u := range f.Usage() {
		if u.Incarnations != []int{1, 2, 1}[i] || u.CPU <= 0 || u.Exit != "" {
			t.Errorf("usage: %+v", u)
		}
		if runtime.GOOS == "linux" && (u.MaxRSS < 1<<20 || u.MaxRSS > 1<<30) {
			t.Errorf("%s: a peak of %d bytes of memory", u.Name, u.MaxRSS)
		}
	}
}

// checkAttempts checks the journal of an incarnation of a probe in mode loop.
func checkAttempts(t *testing.T, i pod.Incarnation) {
	t.Helper()
	next := map[int32]int64{}
	var first int64
	attempts(t, i.Journal, func(s *ledger.Slot) {
		if first == 0 {
			first = s.Start()
		}
		ok := s.Owner() == i.Owner && s.Kind() == ledger.KindAttempt &&
			s.Offset() == next[s.Partition] && s.Key() == uint32(s.Partition) && s.Seq() == uint32(s.Offset()) &&
			s.Start() >= i.Up && (s.Outcome() == ledger.OutcomeOpen || s.End() >= s.Start() && s.End() <= i.Down)
		if !ok && !t.Failed() {
			t.Errorf("%s.%d, up %d, down %d: attempt %+v", i.Pod, i.N, i.Up, i.Down, *s)
		}
		next[s.Partition]++
	})
	if len(next) == 0 {
		t.Errorf("%s.%d: no attempt in its journal", i.Pod, i.N)
	}
	t.Logf("%s.%d: first attempt %v after its start", i.Pod, i.N, time.Duration(first-i.Up))
}

func attempts(t *testing.T, journal string, fn func(*ledger.Slot)) {
	t.Helper()
	r, err := ledger.Open(journal)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Each(fn); err != nil {
		t.Fatal(err)
	}
}

// endsByItself runs a fleet of one pod and returns how that ended.
func endsByItself(t *testing.T, o pod.Options) (*pod.Fleet, pod.Incarnation) {
	t.Helper()
	ctx, exited := patient(t), make(chan pod.Incarnation, 1)
	o.Exited = func(i pod.Incarnation) { exited <- i }
	f := start(t, ctx, o)
	select {
	case i := <-exited:
		return f, i
	case <-ctx.Done():
		t.Fatal("Exited was not called")
		panic("unreachable")
	}
}

func TestExitTellsHowAPodEnded(t *testing.T) {
	lock.Machine(t)
	for mode, want := range map[string]struct{ exit, printed string }{
		"quits":   {"exit status 3", "consumer probe returned before it was asked to stop"},
		"fails":   {"exit status 4", "consumer probe: no more of this"},
		"panics":  {"exit status 2", "panic: out of a goroutine"},
		"unknown": {"exit status 4", `make consumer probe: no mode "unknown"`},
		"exits":   {"exit status 1", "cannot reach the database"},
	} {
		t.Run(mode, func(t *testing.T) {
			f, i := endsByItself(t, options(t.TempDir(), mode, 1))
			if i.Pod != "pod-1" || i.Intended || i.Down == 0 || i.Exit != want.exit || !strings.Contains(i.Stderr, want.printed) {
				t.Errorf("ended as %+v, want %+v", i, want)
			}
			if cause := want.printed + " (" + want.exit + ")"; i.Cause != cause && i.Cause != "its last line of output: "+cause {
				t.Errorf("the cause is %q, want %q", i.Cause, cause)
			}
			if mode == "panics" && !strings.Contains(i.Stderr, "about to panic") {
				t.Errorf("standard output is not kept: %s", i.Stderr)
			}
			if u := f.Usage()[0]; u.Exit != i.Cause || !strings.Contains(u.Stderr, want.printed) {
				t.Errorf("usage: %+v", u)
			}
			if err := f.Pods()[0].Kill(t.Context()); err == nil {
				t.Error("killed a pod that had ended by itself")
			}
		})
	}
}

// Whatever a consumer does to its process, the cause of its end is in one line.
func TestCauseOfTheEndOfAHostilePod(t *testing.T) {
	lock.Machine(t)
	for mode, want := range map[string]string{
		"shouts":       `panic: enough \(exit status 2\)`,
		"kills-itself": `killed by a signal that the harness did not send; .* \(signal: killed\)`,
		"closes":       `.* file descriptors? .* \(exit status [27]\)`,
		"closes-pipe":  `(?:.* file descriptor .*|fatal error: runtime: netpoll failed) \(exit status [27]\)`,
		"allocates":    `.*(?:memory|failed to allocate|fatal error: ).* \(exit status \d+\)`,
	} {
		t.Run(mode, func(t *testing.T) {
			o := options(t.TempDir(), mode, 1)
			ctx, exited := patient(t), make(chan pod.Incarnation, 1)
			o.Exited = func(i pod.Incarnation) { exited <- i }
			f := start(t, ctx, o)
			poll := time.NewTicker(10 * time.Millisecond)
			defer poll.Stop()
			for waiting := true; waiting; {
				select {
				case i := <-exited:
					checkHostileEnd(t, mode, want, &i)
					waiting = false
				case <-poll.C:
					f.AnnounceLoad(1) // which a pod notices after it has closed the pipe
				case <-ctx.Done():
					t.Fatal("the pod has not ended")
				}
			}
		})
	}
}

func checkHostileEnd(t *testing.T, mode, want string, i *pod.Incarnation) {
	t.Helper()
	if matched, _ := regexp.MatchString("^"+want+"$", i.Cause); !matched || i.Intended {
		t.Errorf("ended by %q, intended %v, want %q; it printed\n%s", i.Cause, i.Intended, want, i.Excerpt(2000))
	}
	if mode == "shouts" && (i.Printed < 100<<20 || len(i.Stderr) > 65<<10 || !strings.HasPrefix(i.Stderr, "the first line\n")) {
		t.Errorf("of %d bytes %d are kept, from %.40q", i.Printed, len(i.Stderr), i.Stderr)
	}
}

func TestPodFailsWithoutAJournal(t *testing.T) {
	lock.Machine(t)
	o := options(t.TempDir(), "idle", 1)
	o.Dir = filepath.Join(o.Dir, "missing")
	if _, i := endsByItself(t, o); i.Exit != "exit status 5" || !strings.Contains(i.Stderr, "create journal") {
		t.Errorf("ended as %+v", i)
	}
}

func TestChildrenOfAPodEndWithIt(t *testing.T) {
	lock.Machine(t)
	o := options(t.TempDir(), "breeds", 1)
	if _, i := endsByItself(t, o); i.Exit != "exit status 3" {
		t.Errorf("ended as %+v", i)
	}
	child := readPid(t, filepath.Join(o.Dir, "child.pid"))
	defer func() {
		if !gone(child) {
			unix.Kill(child, unix.SIGKILL)
		}
	}()
	eventually(t, patient(t), "the end of the pod's child", func() bool { return gone(child) })
}

// A consumer may return an error when the pod is asked to stop. A panic is no excuse.
func TestStopRequestExcusesAnErrorButNoPanic(t *testing.T) {
	lock.Machine(t)
	for mode, want := range map[string]struct {
		exit  string
		asked bool
	}{
		"idle":        {"exit status 0", true},
		"grumbles":    {"exit status 4", true},
		"panics-late": {"exit status 2", false},
	} {
		t.Run(mode, func(t *testing.T) {
			ctx, dir := patient(t), t.TempDir()
			f := start(t, ctx, options(dir, mode, 1))
			consuming(t, ctx, dir, 1)
			if killed, err := f.Stop(ctx); len(killed) > 0 || err != nil {
				t.Errorf("stop: killed %v, error %v", killed, err)
			}
			if i := f.Incarnations()[0]; i.Exit != want.exit || i.Intended != want.asked {
				t.Errorf("ended as %+v, want %+v", i, want)
			}
		})
	}
}

func TestFleetStopKillsUnresponsivePods(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	f := start(t, ctx, options(dir, "unresponsive", 2))
	consuming(t, ctx, dir, 2)
	over, cancel := context.WithCancel(ctx)
	cancel()
	killed, err := f.Stop(over)
	if !slices.Equal(killed, []string{"pod-1", "pod-2"}) || err != nil {
		t.Errorf("stop: killed %v, error %v", killed, err)
	}
	for _, i := range f.Incarnations() {
		if i.Exit != "signal: killed" || !i.Intended {
			t.Errorf("ended as %+v", i)
		}
	}
}

func TestFleetStartNamesThePodThatFails(t *testing.T) {
	lock.Machine(t)
	o := options(t.TempDir(), "idle", 2)
	o.Config.Knobs["more"] = strings.Repeat("x", 1<<20) // than an environment can hold
	f, err := pod.NewFleet(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Start(patient(t)); err == nil || !strings.Contains(err.Error(), "start pod-1") {
		t.Errorf("error %v, want one that names pod-1", err)
	}
	if n := len(f.Incarnations()); n > 0 {
		t.Errorf("%d incarnations of nothing", n)
	}
}

func TestNewFleetRefusesBadOptions(t *testing.T) {
	for name, spoil := range map[string]func(*pod.Options){
		"implementation": func(o *pod.Options) { o.Implementation = "prob" },
		"service":        func(o *pod.Options) { o.Service = "often" },
		"pods":           func(o *pod.Options) { o.Pods = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir(), "idle", 1)
			spoil(&o)
			if _, err := pod.NewFleet(o); err == nil {
				t.Errorf("took %+v", o)
			}
		})
	}
}

// Pods that already run learn the start of the load, and so do pods that start later.
func TestPodsLearnTheStartOfTheLoad(t *testing.T) {
	lock.Machine(t)
	ctx, dir := patient(t), t.TempDir()
	o := options(dir, "loop", 2)
	o.Service, o.Slowdown = "1ms", harness.Slowdown{To: time.Hour, Factor: 500}
	f := start(t, ctx, o)
	working(t, ctx, filepath.Join(dir, "pod-1.1.witness"), 1)
	working(t, ctx, filepath.Join(dir, "pod-2.1.witness"), 1)
	f.AnnounceLoad(o.Clock.Now())
	second := f.Pods()[1]
	if err := second.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"pod-1.1", "pod-2.2"} {
		eventually(t, ctx, "slow work of "+id, func() bool {
			slow := false
			r, err := ledger.Open(filepath.Join(dir, id+".journal"))
			if err != nil {
				return false
			}
			defer r.Close()
			if err := r.Each(func(s *ledger.Slot) {
				slow = slow || s.Outcome() == ledger.OutcomeEffect && time.Duration(s.End()-s.Start()) >= 500*time.Millisecond
			}); err != nil {
				t.Fatal(err)
			}
			return slow
		})
	}
	if killed, err := f.Stop(ctx); len(killed) > 0 || err != nil {
		t.Errorf("stop: killed %v, error %v", killed, err)
	}
}
