package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A child of the tests below is the program itself.
func TestMain(m *testing.M) {
	if os.Getenv("RUNTESTS_CHILD") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runProgram runs the program in a module of these files.
func runProgram(t *testing.T, files map[string]string, args ...string) (exit int, out string) {
	t.Helper()
	cmd := prepareProgram(t, files, args...)
	raw, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(raw)
}

// prepareProgram is the program in a module of these files, before its start.
func prepareProgram(t *testing.T, files map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.com/tried\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "RUNTESTS_CHILD=1", "GOFLAGS=", "GOWORK=off")
	return cmd
}

func testFile(pkg, body string) string {
	return fmt.Sprintf("package %s\n\nimport \"testing\"\n\n%s\n", pkg, body)
}

const passingTest = `func TestGood(t *testing.T) { t.Log("nobody reads this") }`

func wantLines(t *testing.T, out string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(out, line) {
			t.Errorf("%q is missing in:\n%s", line, out)
		}
	}
}

func TestSuiteHasItsVariablesAndASkipElsewhereIsNone(t *testing.T) {
	body := testFile("a", `func TestSet(t *testing.T) { if os.Getenv("RUNTESTS_TRIED") != "1" { t.Skip("the variable is not set") } }`)
	exit, out := runProgram(t, map[string]string{"a/a_test.go": strings.Replace(body, "import ", "import \"os\"\nimport ", 1)},
		"--", "RUNTESTS_TRIED=1", "./...", "--", "-count=1", "./a")
	if exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	wantLines(t, out, "RUNTESTS_TRIED=1 go test ./...\n", "\nPASS: 2 tests in 2 packages, 0 failed, 0 skipped, ")
	if strings.Contains(out, "\nskipped:") {
		t.Errorf("it names a test that ran:\n%s", out)
	}
}

func TestPassingSuitesExitWithZero(t *testing.T) {
	exit, out := runProgram(t, map[string]string{
		"a/a_test.go": testFile("a", passingTest+`
			func TestLater(t *testing.T) { t.Skip("waits for a flying pig") }
			func TestParts(t *testing.T) {
				t.Run("one", func(t *testing.T) {})
				t.Run("two", func(t *testing.T) { t.Skip("waits for a flying pig") })
			}`),
		"b/b.go": "package b\n",
	}, "--", "./...", "--", "-count=1", "./a")
	if exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	wantLines(t, out, "go test ./...\n", "ok    example.com/tried/a", "4 tests, 2 skipped", "go test -count=1 ./a\n",
		"\nslowest tests:\n", "(slowest of 2 subtests: ", "\n  2: waits for a flying pig\n", "TestLater, TestParts/two\n",
		"\nPASS: 8 tests in 3 packages, 0 failed, 2 skipped, ")
	if strings.Contains(out, "nobody reads this") {
		t.Errorf("it prints the output of a passed test:\n%s", out)
	}
}

func TestFailuresAreShownAndTheOtherSuitesRun(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		lines []string
	}{
		"failed subtest": {
			`func TestBad(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Error("two is not three") }) }`,
			[]string{"FAIL example.com/tried/bad TestBad/sub\n", "two is not three", "failed:\n  example.com/tried/bad TestBad/sub\n"},
		},
		"panic": {
			`func TestBad(t *testing.T) { panic("the sky falls") }`,
			[]string{"the sky falls", "failed:\n  example.com/tried/bad TestBad"},
		},
		"exit": {
			"func TestBad(t *testing.T) { println(`good bye`); os.Exit(3) }",
			[]string{"good bye", "failed:\n  example.com/tried/bad TestBad"},
		},
		"does not compile": {
			`func TestBad(t *testing.T) { undefinedName() }`,
			[]string{"undefined: undefinedName", "FAIL  example.com/tried/bad", "failed:\n  example.com/tried/bad"},
		},
		"vet": {
			`func TestBad(t *testing.T) { t.Logf("%d", "text") }`,
			[]string{"wrong type", "failed:\n  example.com/tried/bad"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := testFile("bad", c.body)
			if strings.Contains(c.body, "os.Exit") {
				text = strings.Replace(text, "import \"testing\"", "import (\n\"os\"\n\"testing\"\n)", 1)
			}
			exit, out := runProgram(t, map[string]string{"bad/bad_test.go": text, "good/good_test.go": testFile("good", passingTest)}, "--", "./bad", "--", "./good")
			if exit != 1 {
				t.Errorf("exit status %d", exit)
			}
			wantLines(t, out, append(c.lines, "ok    example.com/tried/good", "\nFAIL: ")...)
		})
	}
}

func TestBadArgumentsFail(t *testing.T) {
	exit, out := runProgram(t, map[string]string{"a/a_test.go": testFile("a", passingTest)}, "--", "-no-such-flag-here", "./missing")
	if exit != 1 {
		t.Errorf("exit status %d", exit)
	}
	wantLines(t, out, "missing", "\nFAIL: ")
	if exit, out := runProgram(t, map[string]string{}, "./..."); exit != 2 || !strings.Contains(out, "usage: ") {
		t.Errorf("without --: exit status %d:\n%s", exit, out)
	}
}

// awaitFile waits until a child of the program has written a file.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("there is no %s", path)
		}
	}
}

// The test in the child goes on until its go test has ended.
func TestGoTestEndsWithTheProgram(t *testing.T) {
	cmd := prepareProgram(t, map[string]string{"a/a_test.go": `package a

import (
	"os"
	"testing"
	"time"
)

func TestLong(t *testing.T) {
	parent := os.Getppid()
	os.WriteFile("started", nil, 0o644)
	for os.Getppid() == parent {
		time.Sleep(10 * time.Millisecond)
	}
	os.WriteFile("ended", nil, 0o644)
}
`}, "--", "./a", "--", "./a")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, filepath.Join(cmd.Dir, "a", "started"))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, filepath.Join(cmd.Dir, "a", "ended"))
	cmd.Wait()
	if exit := cmd.ProcessState.ExitCode(); exit != 1 || strings.Count(out.String(), "go test ./a\n") != 1 {
		t.Errorf("exit status %d, it printed:\n%s", exit, out.String())
	}
	wantLines(t, out.String(), "go test ./a: interrupted: terminated signal received\n")
}

// replay records the events, each "action package test".
func replay(all *tally, events ...string) {
	for _, e := range events {
		words := strings.Fields(e + " ")
		test := ""
		if len(words) > 2 {
			test = words[2]
		}
		all.recordLine(1, fmt.Sprintf(`{"Action":%q,"Package":"github.com/stampede-bench/stampede/%s","Test":%q}`, words[0], words[1], test))
	}
}

func TestStatusNamesTheTestsThatRun(t *testing.T) {
	now := time.Now()
	all := newTally()
	all.now = func() time.Time { return now }
	all.startGroup()
	all.addPackages(3)
	if got, want := all.describeRunning(), "... 0.0s, 0 of 3 packages done: compiling"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	replay(all, "start harness", "start reports", "run reports TestPage", "run reports TestPage/dark", "run reports TestQueue", "pause reports TestQueue")
	now = now.Add(5 * time.Second)
	replay(all, "pass harness", "run reports TestPage/light", "start consumers")
	now = now.Add(70 * time.Second)
	if got, want := all.describeRunning(), "... 1m15s, 1 of 3 packages done: reports TestPage/dark (1m15s), consumers (1m10s), reports TestPage/light (1m10s)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	replay(all, "cont reports TestQueue")
	if got := all.describeRunning(); !strings.HasSuffix(got, "consumers (1m10s), 1 more") {
		t.Errorf("got %s", got)
	}
}

func TestStatusCountsTestsThatWaitForTheMachine(t *testing.T) {
	now := time.Now()
	all := newTally()
	all.now = func() time.Time { return now }
	all.startGroup()
	replay(all, "start reports", "start harness", "run reports TestPage", "run harness TestLong", "run harness TestOther")
	say := func(words string) {
		all.recordLine(1, `{"Action":"output","Package":"github.com/stampede-bench/stampede/harness","Test":"TestOther","Output":"TestLong: `+words+`\n"}`)
	}
	say("waiting for another run of Stampede on this machine, process 7")
	if got, want := all.describeRunning(), "... 0.0s, 0 packages done: harness TestOther (0.0s), reports TestPage (0.0s), 1 waiting for another run on this machine"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	say("waited 1s for another run of Stampede on this machine")
	if got := all.describeRunning(); !strings.Contains(got, "harness TestLong (0.0s)") || strings.Contains(got, "waiting") {
		t.Errorf("got %s", got)
	}
}

func TestTerminalHasOneStatusLineBelowTheOthers(t *testing.T) {
	out := &strings.Builder{}
	s := &screen{out: out, width: func() int { return 40 }}
	s.drawStatus("one", time.Now())
	s.printLine("ok")
	s.drawStatus(strings.Repeat("long ", 20), time.Now())
	s.clearStatus()
	want := "one\r\x1b[Kok\n" + strings.Repeat("long ", 7) + "l...\r\x1b[K"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLogSaysSomethingAfterALongSilence(t *testing.T) {
	out := &strings.Builder{}
	s := &screen{out: out, width: func() int { return 0 }}
	s.printLine("ok")
	s.drawStatus("too early", s.lastLine.Add(silentFor-1))
	s.drawStatus("still running", s.lastLine.Add(silentFor))
	s.drawStatus("too early", s.lastLine.Add(1))
	if got, want := out.String(), "ok\nstill running\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
