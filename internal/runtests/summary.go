package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// runningShown is how many running tests a status line names.
const runningShown = 3

// describeRunning says how far the suites are and names the tests that have run
// longest. A test is shown by its innermost subtest.
func (t *tally) describeRunning() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var tests []timed
	locked := 0
	silent := map[testID]bool{} // packages that run and show no test
	for id := range t.active {
		if id.test == "" {
			silent[id] = true
		}
	}
	for id, r := range t.active {
		switch {
		case id.test == "" || r.paused || t.hasActiveSubtest(id):
		case r.locked:
			locked++
			delete(silent, id.itsPackage())
		default:
			tests = append(tests, timed{id, now.Sub(r.started)})
			delete(silent, id.itsPackage())
		}
	}
	for pkg := range silent {
		tests = append(tests, timed{pkg, now.Sub(t.active[pkg].started)})
	}
	slices.SortFunc(tests, slowestFirst)
	var words []string
	for _, r := range tests[:min(runningShown, len(tests))] {
		words = append(words, fmt.Sprintf("%s (%s)", r, shortTime(r.took)))
	}
	if more := len(tests) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	if locked > 0 {
		words = append(words, fmt.Sprintf("%d waiting for another run on this machine", locked))
	}
	if len(words) == 0 {
		words = []string{"compiling"}
	}
	done := fmt.Sprintf("%d packages done", t.packagesDone)
	if t.packages > 0 {
		done = fmt.Sprintf("%d of %d packages done", t.packagesDone, t.packages)
	}
	return fmt.Sprintf("... %s, %s: %s", shortTime(now.Sub(t.groupStarted)), done, strings.Join(words, ", "))
}

func (t *tally) hasActiveSubtest(parent testID) bool {
	for id := range t.active {
		if id.itsPackage() == parent.itsPackage() && strings.HasPrefix(id.test, parent.test+"/") {
			return true
		}
	}
	return false
}

// writeSummary writes the slowest tests, the skipped ones by reason, the failed
// ones, and a last line.
func (t *tally) writeSummary(w io.Writer, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writeSlowest(w)
	t.writeSkipped(w)
	if len(t.failed) > 0 {
		fmt.Fprintln(w, "\nfailed:")
		for _, f := range t.failed {
			fmt.Fprintln(w, "  "+f)
		}
	}
	word := "PASS"
	if len(t.failed) > 0 {
		word = "FAIL"
	}
	skipped := 0
	for _, tests := range t.skippedEverywhere() {
		skipped += len(tests)
	}
	fmt.Fprintf(w, "\n%s: %d tests in %d packages, %d failed, %d skipped, %s\n",
		word, t.totalTests, t.totalPackages, len(t.failed), skipped, shortTime(took))
}

// writeSlowest names the slowest tests, each with its slowest subtest.
func (t *tally) writeSlowest(w io.Writer) {
	var tests []timed
	subtests, slowest := map[testID]int{}, map[testID]timed{}
	for id, took := range t.finished {
		name, sub, is := strings.Cut(id.test, "/")
		if !is {
			tests = append(tests, timed{id, took})
			continue
		}
		top := testID{0, id.pkg, name}
		subtests[top]++
		if s, seen := slowest[top]; !seen || slowestFirst(timed{testID{0, id.pkg, sub}, took}, s) < 0 {
			slowest[top] = timed{testID{0, id.pkg, sub}, took}
		}
	}
	slices.SortFunc(tests, slowestFirst)
	fmt.Fprintln(w, "\nslowest tests:")
	for _, e := range tests[:min(slowestShown, len(tests))] {
		fmt.Fprintf(w, "  %7s  %s", shortTime(e.took), e)
		if n := subtests[e.testID]; n > 0 {
			fmt.Fprintf(w, " (slowest of %d subtests: %s, %s)", n, slowest[e.testID].test, shortTime(slowest[e.testID].took))
		}
		fmt.Fprintln(w)
	}
}

// writeSkipped writes the skipped tests, the most frequent reason first.
func (t *tally) writeSkipped(w io.Writer) {
	skipped := t.skippedEverywhere()
	if len(skipped) == 0 {
		return
	}
	reasons := slices.SortedFunc(maps.Keys(skipped), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(skipped[b]), len(skipped[a])), cmp.Compare(a, b))
	})
	fmt.Fprintln(w, "\nskipped:")
	for _, reason := range reasons {
		fmt.Fprintf(w, "  %d: %s\n", len(skipped[reason]), reason)
		byPackage := map[string][]string{}
		var packages []string
		for _, id := range skipped[reason] {
			if byPackage[id.pkg] == nil {
				packages = append(packages, id.pkg)
			}
			byPackage[id.pkg] = append(byPackage[id.pkg], id.test)
		}
		slices.Sort(packages)
		for _, pkg := range packages {
			fmt.Fprintf(w, "     %s: %s\n", shortPackage(pkg), nameSome(byPackage[pkg]))
		}
	}
}

// skippedEverywhere are the skipped tests by their reason, without those that passed in
// another suite.
func (t *tally) skippedEverywhere() map[string][]testID {
	everywhere := map[string][]testID{}
	for reason, tests := range t.skipped {
		left := slices.DeleteFunc(slices.Clone(tests), func(id testID) bool { return t.passed[id] })
		if len(left) > 0 {
			everywhere[reason] = left
		}
	}
	return everywhere
}

// nameSome names the first few of many tests.
func nameSome(tests []string) string {
	const shown = 5
	if len(tests) <= shown {
		return strings.Join(tests, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(tests[:shown], ", "), len(tests)-shown)
}
