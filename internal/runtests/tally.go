package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is a line of go test -json, see go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// testID names a test of a suite; the test is "" for the package itself.
type testID struct {
	suite     int // suite is 0 where all suites are meant
	pkg, test string
}

// inAnySuite is the same test whatever its suite.
func (id testID) inAnySuite() testID { return testID{0, id.pkg, id.test} }

// itsPackage is the package of the test in its suite.
func (id testID) itsPackage() testID { return testID{id.suite, id.pkg, ""} }

func (id testID) String() string { return strings.TrimSpace(shortPackage(id.pkg) + " " + id.test) }

// running is a test or package that has not ended.
type running struct {
	started time.Time
	output  []string
	paused  bool // waits for its turn among parallel tests
	locked  bool // waits for the machine's lock, see harness/lock
	parent  bool // has subtests
}

// timed is a test and how long it takes or took.
type timed struct {
	testID
	took time.Duration
}

// slowestFirst orders tests.
func slowestFirst(a, b timed) int {
	return cmp.Or(cmp.Compare(b.took, a.took), cmp.Compare(a.String(), b.String()))
}

// tally knows what has run, what runs, and how it came out. Its methods may be
// called by many goroutines.
type tally struct {
	now func() time.Time

	mu            sync.Mutex
	groupStarted  time.Time
	packages      int // of the suites that run, 0 if unknown
	packagesDone  int // of the suites that run
	active        map[testID]*running
	builds        map[string][]string // output by import path
	tests         map[testID]int      // tests without subtests that ended, by package
	skips         map[testID]int      // the same, of those that were skipped
	totalTests    int                 // over all suites
	totalPackages int
	finished      map[testID]time.Duration // the longest of all suites
	passed        map[testID]bool          // in any suite
	skipped       map[string][]testID      // by reason, each once
	failed        []string
	interrupted   bool
}

func newTally() *tally {
	return &tally{
		now: time.Now, active: map[testID]*running{}, builds: map[string][]string{},
		tests: map[testID]int{}, skips: map[testID]int{},
		finished: map[testID]time.Duration{}, passed: map[testID]bool{}, skipped: map[string][]testID{},
	}
}

// startGroup begins suites that run at the same time.
func (t *tally) startGroup() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.groupStarted, t.packages, t.packagesDone = t.now(), 0, 0
}

// addPackages adds the packages of a suite.
func (t *tally) addPackages(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packages += n
}

// interrupt notes that no further suite is to run.
func (t *tally) interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.interrupted = true
}

func (t *tally) wasInterrupted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.interrupted
}

// failSuite notes that go test itself failed. Failed tests explain it better.
func (t *tally) failSuite(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.failed) == 0 || t.interrupted {
		t.failed = append(t.failed, why)
	}
}

func (t *tally) hasFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failed) > 0
}

// recordLine adds a line of a suite's go test -json and returns what to print for it.
func (t *tally) recordLine(suite int, line string) []string {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Action == "" {
		return []string{line} // not an event: the go command or a program that wrote past go test
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := testID{suite, e.Package, e.Test}
	switch e.Action {
	case "build-output":
		t.builds[e.ImportPath] = append(t.builds[e.ImportPath], strings.TrimSuffix(e.Output, "\n"))
	case "build-fail":
		return t.builds[e.ImportPath]
	case "start", "run":
		t.activate(id)
	case "pause", "cont":
		t.activate(id).paused = e.Action == "pause"
	case "output":
		r := t.activate(id)
		r.output = append(r.output, strings.TrimSuffix(e.Output, "\n"))
		t.noteLock(id.itsPackage(), e.Output)
	case "pass", "fail", "skip":
		took := time.Duration(e.Elapsed * float64(time.Second))
		if e.Test == "" {
			return t.endPackage(id, e.Action, took)
		}
		return t.endTest(id, e.Action, took)
	}
	return nil
}

// activate returns the running test, which it starts if need be.
func (t *tally) activate(id testID) *running {
	r := t.active[id]
	if r == nil {
		r = &running{started: t.now()}
		t.active[id] = r
		if i := strings.LastIndexByte(id.test, '/'); i > 0 {
			if p := t.active[testID{id.suite, id.pkg, id.test[:i]}]; p != nil {
				p.parent = true
			}
		}
	}
	return r
}

// lockNotice is what harness/lock prints before and after a wait. Go attributes it to
// any of the tests that run, so it names its own.
var lockNotice = regexp.MustCompile(`(Test\S+): (waiting|waited) .*for another run of Stampede`)

// noteLock notes whether a test waits for the machine's lock.
func (t *tally) noteLock(pkg testID, output string) {
	if notice := lockNotice.FindStringSubmatch(output); notice != nil {
		if r := t.active[testID{pkg.suite, pkg.pkg, notice[1]}]; r != nil {
			r.locked = notice[2] == "waiting"
		}
	}
}

// endTest counts a test and returns the output of a failed one.
func (t *tally) endTest(id testID, action string, took time.Duration) (messages []string) {
	r := t.activate(id)
	delete(t.active, id)
	anywhere := id.inAnySuite()
	t.finished[anywhere] = max(took, t.finished[anywhere])
	if !r.parent {
		t.tests[id.itsPackage()]++
		t.totalTests++
	}
	switch action {
	case "pass":
		t.passed[anywhere] = true
	case "skip":
		t.skips[id.itsPackage()]++
		reason := skipReason(r.output)
		if !slices.Contains(t.skipped[reason], anywhere) { // as in another suite
			t.skipped[reason] = append(t.skipped[reason], anywhere)
		}
	case "fail":
		t.failed = append(t.failed, id.String())
		if said := withoutNotices(r.output); !r.parent || len(said) > 1 {
			return append([]string{"", "FAIL " + id.String()}, said...)
		}
	}
	return nil
}

// endPackage returns the line of a package and, if it failed, what it said
// outside of tests that ended.
func (t *tally) endPackage(id testID, action string, took time.Duration) (messages []string) {
	r := t.activate(id)
	delete(t.active, id)
	t.packagesDone++
	t.totalPackages++
	if action == "fail" {
		messages = append(messages, t.endUnfinished(id)...)
		if t.tests[id] == 0 || len(messages) > 0 { // it did not build, or ended by a panic
			t.failed = append(t.failed, id.String())
		}
		messages = append(messages, withoutNotices(r.output)...)
	}
	if action == "skip" { // it has no tests
		return messages
	}
	return append(messages, t.packageLine(id, action, took, r.output))
}

// endUnfinished returns the output of the tests that a failed package left
// unfinished, as after a panic or a timeout.
func (t *tally) endUnfinished(pkg testID) (messages []string) {
	for id, r := range t.active {
		if id.itsPackage() != pkg {
			continue
		}
		delete(t.active, id)
		t.failed = append(t.failed, id.String()+" (did not end)")
		messages = append(messages, "", "FAIL "+id.String()+" (did not end)")
		messages = append(messages, withoutNotices(r.output)...)
	}
	return messages
}

// packageLine is "ok  harness/oracle  12.3s  45 tests, 2 skipped".
func (t *tally) packageLine(pkg testID, action string, took time.Duration, output []string) string {
	word := map[string]string{"pass": "ok", "fail": "FAIL"}[action]
	counts := fmt.Sprintf("%d tests", t.tests[pkg])
	if n := t.skips[pkg]; n > 0 {
		counts += fmt.Sprintf(", %d skipped", n)
	}
	for _, line := range output {
		if strings.HasSuffix(line, "(cached)") {
			counts += ", cached"
		}
	}
	return fmt.Sprintf("%-4s  %-28s %7s  %s", word, shortPackage(pkg.pkg), shortTime(took), counts)
}
