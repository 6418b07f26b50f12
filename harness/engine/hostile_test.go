package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// hostileRow is a hostile consumer, and what the run must say about it.
type hostileRow struct {
	prank  string
	status harness.Status // status is harness.NotMade if the group cannot form.
	failed []string       // failed are the checks that fail, the gravest first.
	reason string         // reason is in the first line of the error, or of the first example; | is between several.
}

func hostileRows() []hostileRow {
	fails := func(prank, reason string, checks ...string) hostileRow {
		return hostileRow{prank, harness.Fail, checks, reason}
	}
	notMade := func(prank, reason string) hostileRow { return hostileRow{prank, harness.NotMade, nil, reason} }
	ends := func(prank, reason string) hostileRow { return fails(prank, reason, oracle.CheckPodLiveness) }
	const elsewhere, altered = "effect of a record that does not lie there", "with a checksum or a key that does not hold"
	return []hostileRow{
		{"none", harness.Pass, nil, ""},
		notMade("panics-in-new", "pod-2 ended by itself before the group had formed: panic: "+lastWords+" (exit status 2)"),
		notMade("fails-in-new", "pod-2 ended by itself before the group had formed: make consumer test-hostile: "+lastWords),
		notMade("makes-nil", "make consumer test-hostile: New returned nil and no error"),
		notMade("makes-nil-typed", "make consumer test-hostile: New returned nil and no error"),
		notMade("panics-in-consume", "pod-2 ended by itself before the group had formed: panic: "+lastWords),
		notMade("returns-nil-at-once", "consumer test-hostile returned before it was asked to stop"),
		ends("ignores-the-end", "did not stop within"),
		ends("returns-nil-at-work", "ended by itself: consumer test-hostile returned before it was asked to stop"),
		ends("fails-at-work", "ended by itself: consumer test-hostile: "+lastWords),
		ends("panics-at-work", "ended by itself: panic: "+lastWords),
		ends("panics-in-a-goroutine", "ended by itself: panic: "+lastWords),
		ends("exits-with-0", "ended by itself: exit status 0"),
		ends("kills-itself", "signal: killed"),
		ends("segfaults", "ended by itself: SIGSEGV: segmentation violation"),
		ends("stops-itself", "was halted by a signal that the harness did not send"),
		ends("closes-its-files", "file descriptor"),
		ends("takes-all-memory", "ended by itself: fatal error: |ThreadSanitizer failed to allocate"),
		ends("prints-100-MB", "ended by itself: panic: "+lastWords),
		{"leaves-a-child", harness.Pass, nil, ""},
		ends("works-on-nil", "ended by itself: panic: runtime error: invalid memory address or nil pointer dereference"),
		fails("invents-a-record", elsewhere, oracle.CheckPhantom),
		fails("invents-a-value", altered, oracle.CheckCorruption),
		fails("alters-the-key", altered, oracle.CheckCorruption),
		fails("alters-the-value", altered, oracle.CheckCorruption),
		fails("alters-the-offset", elsewhere, oracle.CheckPhantom),
		fails("alters-the-partition", elsewhere, oracle.CheckPhantom),
		fails("alters-the-topic", elsewhere, oracle.CheckPhantom),
		fails("works-twice-at-once", "no rewind lies between its effects", oracle.CheckUnexplainedDuplicate, oracle.CheckOverlap),
	}
}

// Whatever a consumer does, its run ends with a verdict, and the first line says why. The
// runs go on at once: they mostly wait.
func TestHostileConsumersAreJudgedAndNamed(t *testing.T) {
	lock.Machine(t)
	child := filepath.Join(t.TempDir(), "child")
	t.Setenv(childFile, child)
	rows := hostileRows()
	results := make([]chan hostileResult, len(rows))
	slots := make(chan struct{}, 3*runtime.NumCPU())
	for i, row := range rows {
		results[i] = make(chan hostileResult, 1)
		p := plan(t, "test-hostile?prank="+row.prank, func(s *harness.Scenario) {
			s.Commit, s.Drain = 3*time.Second, 30*time.Second // a busy machine delays commits
			if !slices.Contains(row.failed, oracle.CheckPodLiveness) {
				s.Session = 6 * time.Second // no run waits for it to expire
			}
			s.Load.Pacer = load.Constant{Rate: 50, For: time.Second}
			s.Service = load.Fixed(100 * time.Millisecond) // so that two attempts begun at once surely overlap
		})
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			began := time.Now()
			o, err := engine.Run(t.Context(), p)
			if err == nil && o.Run.Status == harness.Inconclusive { // as a comparison does
				o, err = engine.Run(t.Context(), p)
			}
			results[i] <- hostileResult{o, err, time.Since(began)}
		}()
	}
	for i, row := range rows {
		t.Run(row.prank, func(t *testing.T) {
			row.check(t, <-results[i])
			if row.prank == "leaves-a-child" && runtime.GOOS == "linux" {
				checkChildHasEnded(t, child)
			}
		})
	}
}

type hostileResult struct {
	outcome *engine.Outcome
	err     error
	took    time.Duration
}

func (row *hostileRow) check(t *testing.T, got hostileResult) {
	status, failed, reason := got.summarize()
	said := slices.ContainsFunc(strings.Split(row.reason, "|"), func(words string) bool { return strings.Contains(reason, words) })
	if status != row.status || !slices.Equal(failed, row.failed) || !said {
		t.Errorf("%s, failed %q: %q,\nwant %s, failed %q, with %q in the first line", status, failed, reason, row.status, row.failed, row.reason)
	}
	t.Logf("%v: %s %q: %s", got.took, status, failed, reason)
	const most = pod.ReportSize + 1<<10
	if got.outcome == nil {
		return
	}
	for _, v := range got.outcome.Run.Verdicts {
		for _, a := range v.Examples {
			if len(a.Text) > most {
				t.Errorf("%s: an example of %d bytes", v.Check, len(a.Text))
			}
		}
	}
}

// summarize is the status, the failed checks, and the first line that says why.
func (got hostileResult) summarize() (status harness.Status, failed []string, reason string) {
	firstLine := func(text string) string { line, _, _ := strings.Cut(text, "\n"); return line }
	if got.err != nil {
		return harness.NotMade, nil, firstLine(got.err.Error())
	}
	r := &got.outcome.Run
	for _, v := range r.Verdicts {
		if v.Status != harness.Fail {
			continue
		}
		if failed = append(failed, v.Check); reason == "" && len(v.Examples) > 0 {
			reason = firstLine(v.Examples[0].Text)
		}
	}
	if reason == "" {
		reason = firstLine(fmt.Sprint(strings.Join(r.Reasons, "; ")))
	}
	return r.Status, failed, reason
}

// checkChildHasEnded checks that the child which a pod has started ended with the pod. Of
// a process that has ended and still has an entry, the command is empty.
func checkChildHasEnded(t *testing.T, pidFile string) {
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	if command, err := os.ReadFile(fmt.Sprintf("/proc/%s/cmdline", pid)); err == nil && len(command) > 0 {
		t.Errorf("process %s lives: %q", pid, command)
	}
}
