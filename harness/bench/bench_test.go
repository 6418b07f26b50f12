package bench

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/load"
)

func TestMain(m *testing.M) { Main(m) }

// TestCompare runs in the child processes that the tests below start.
func TestCompare(t *testing.T) {
	if opts.isSmoke() {
		t.Skip("runs as a child of the other tests")
	}
	Compare(t, Smoke{})
}

var _ = harness.RegisterScenario(harness.Scenario{
	Name: "brief", Doc: "What does a second of load do?",
	Load:       harness.Load{Pacer: load.Constant{Rate: 100, For: time.Second}, Keys: load.Uniform{N: 5}},
	Service:    load.Fixed(0),
	Partitions: 2, Pods: 1,
})

var _ = harness.Register(harness.Implementation{
	Name: "absent", Delivery: harness.AtLeastOnce, Order: harness.OrderKey,
	New: func(harness.Config) (harness.Consumer, error) { return absent{}, nil },
})

// absent is a consumer that cannot start.
type absent struct{}

func (absent) Consume(context.Context, harness.Config, harness.Work) error {
	return errors.New("it cannot start")
}

// TestBadInputExitsWithTwo starts the test binary with bad input, or with something to
// print, and checks its exit status and its words.
func TestBadInputExitsWithTwo(t *testing.T) {
	dir := t.TempDir()
	saved := filepath.Join(dir, "result.json")
	if err := os.WriteFile(saved, []byte(`{"version": 99`), 0o644); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(dir, "old.json")
	if err := os.WriteFile(old, []byte(`{"version": 1, "runs": "in another form"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		exit int
		want string // in what it prints
	}{
		{"-scenarios", 0, "brief"},
		{"-in=" + filepath.Join(dir, "none.json"), 2, "no saved result"},
		{"-in=" + saved, 2, saved + ": it is cut short"},
		{"-in=" + file, 2, file + ": it is empty"},
		{"-in=" + old, 2, fmt.Sprintf("%s: it is version 1, this Stampede reads %d: render it with the Stampede that wrote it, or run the comparison again", old, harness.ResultVersion)},
		{"-in=bench_test.go", 2, "bench_test.go: no result of Stampede"},
		{"-in=", 2, "want the path of a result.json"},
		{"-judge=", 2, "want the path of the folder of a saved ledger"},
		{"-judge=" + saved, 2, "is no saved ledger: IN= must be the folder of a ledger"},
		{"-judge=" + dir, 2, "there is no ledger near it"},
		{"-keep 1 -scenario=brief", 2, `argument "1" belongs to no flag, so the rest would be ignored (-scenario=brief): write -flag=value`},
		{"brief", 2, `argument "brief" belongs to no flag: write`},
		{"-ledgers -out=" + dir, 0, "There is no saved ledger in " + dir + "/ledger: a failed run leaves one"},
		{"-suite=ful", 2, `did you mean "full"`},
		{"-scenario=breif", 2, `did you mean "brief"`},
		{"-consumer=absnt", 2, `did you mean "absent"`},
		{"-consumer=absent@coperative", 2, `did you mean "cooperative"`},
		{"-consumer=absent?worker=3", 2, `did you mean "workers"`},
		{"-consumer=absent?workers=0", 2, "above zero"},
		{"-consumer=baseline", 2, "BenchmarkPipeline"},
		{"-broker=dcker", 2, "unknown broker"},
		{"-kafka-image=x", 2, "-broker=docker"},
		{"-direct", 2, "-direct is for -broker=docker, not embedded"},
		{"-rate=0", 2, "above zero"},
		{"-repeat=-1", 2, "above zero"},
		{"-payload=10", 2, "identity"},
		{"-payload=1048577", 2, "at most 999000"},
		{"-partitions=1000000", 2, "at most 10000"},
		{"-pods=1000000 -scenario=brief", 2, "1000000 pods are more than one machine can run: at most 1000"},
		{"-workers=1000000000 -scenario=brief", 2, "1000000000 workers of a pod are more than one process can use: at most 100000"},
		{"-window=1000000000 -scenario=brief", 2, "a window of 1000000000 records is more than one process can hold: at most 10000000"},
		{"-scenario=brief -consumer=absent?workers=1000000000", 2, "at most 100000"},
		{"-scenario=brief -consumer=absent?maxpoll=1000000000", 2, "a poll of 1000000000 records"},
		{"-rate=1e8", 2, "at most 1000000"},
		{"-rate=1e6 -load-duration=10h -scenario=brief", 2, "may keep"},
		{"-linger=-1ms", 2, "want a duration, as 25ms or 0"},
		{"-acks=1 -idempotence=true -scenario=brief", 2, "idempotence needs the acks of all in-sync replicas: want acks=all, or idempotence=false"},
		{"-compression=rar -scenario=brief", 2, `unknown value "rar"`},
		{"-consumer=", 2, "is empty"},
		{"-keys=uniform:0", 2, "keys"},
		{"-slo=p99<500 -scenario=brief", 2, "p99 is compared with a time, as 500ms"},
		{"-slo=p99<1s,p50>2s -scenario=brief", 2, "no run meets both objectives p99<1s and p50>2s"},
		{"-slo=recovery(meteor)<1s -scenario=brief", 2, "no scenario of this run injects"},
		{"-service=-5ms", 2, "service"},
		{"-out=" + filepath.Join(file, "sub"), 2, "OUT is not writable"},
	} {
		exit, out := startChild(t, c.args)
		if exit != c.exit || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit status %d, want %d and %q in:\n%s", c.args, exit, c.exit, c.want, out)
		}
	}
}

func startChild(t *testing.T, args ...string) (exit int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"-test.run=^TestCompare$"}, strings.Fields(strings.Join(args, " "))...)...)
	raw, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(raw)
}

func TestFlagsLeaveGoTestsNamesAlone(t *testing.T) {
	owned := []string{"list", "run", "exec", "work", "json", "v", "bench", "count", "cpu", "short", "timeout", "parallel", "shuffle", "skip", "failfast", "c", "o", "n", "x", "race", "cover", "vet", "args", "i", "p"}
	fs := flag.NewFlagSet("stampede", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	new(options).defineFlags(fs)
	for _, name := range owned {
		if fs.Lookup(name) != nil {
			t.Errorf("-%s is go test's own", name)
		}
	}
}

func TestRunFlagCanMatchSubtestNames(t *testing.T) {
	selections, err := harness.ParseSelection("absent@eager?workers=3&commit=1s")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := subtestName(selections[0]), "absent@eager,commit=1s,workers=3"; got != want {
		t.Errorf("subtest %q, want %q", got, want)
	}
}

func TestWorseStatusWins(t *testing.T) {
	for _, c := range []struct{ a, b, want harness.Status }{
		{"", harness.Pass, harness.Pass}, {harness.Pass, harness.Overload, harness.Overload},
		{harness.Fail, harness.Inconclusive, harness.Fail}, {harness.Skipped, harness.Pass, harness.Skipped},
	} {
		if got := worseStatus(c.a, c.b); got != c.want {
			t.Errorf("of %q and %q %q wins, want %q", c.a, c.b, got, c.want)
		}
	}
}

func TestCtrlCEndsWaiting(t *testing.T) {
	dir := t.TempDir()
	other, err := os.Create(filepath.Join(dir, "stampede-e2e.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCompare$", "-scenario=brief", "-consumer=absent")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(stderr)
	for said.Scan() {
		if strings.Contains(said.Text(), "waiting for another run") {
			if !strings.Contains(said.Text(), fmt.Sprintf("process %d: ", os.Getpid())) {
				t.Errorf("it does not say who holds the lock: %s", said.Text())
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		}
	}
	cmd.Wait()
	if exit := cmd.ProcessState.ExitCode(); exit != exitNoRun || strings.Contains(stdout.String(), "PASS") || !strings.Contains(stdout.String(), "nothing was run") {
		t.Errorf("exit status %d, want %d, and no PASS in:\n%s", exit, exitNoRun, stdout.String())
	}
}

func TestListSaysThatItCannotBePrinted(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full: ", err)
	}
	defer full.Close()
	for _, f := range []string{"-scenarios", "-ledgers"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], f)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = full, &said
		cmd.Run()
		if exit := cmd.ProcessState.ExitCode(); exit != exitNoRun || !strings.Contains(said.String(), "no space left on device") {
			t.Errorf("%s: exit status %d, want %d; it said %q", f, exit, exitNoRun, said.String())
		}
	}
}
