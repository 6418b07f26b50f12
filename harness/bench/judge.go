package bench

import (
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/reports"
)

// keepIn is the folder under out for the ledger of a run, "" where no reports are
// written.
func keepIn(out string, s *harness.Scenario, c harness.Choice, repeat int) string {
	if out == "" {
		return ""
	}
	return filepath.Join(out, "ledger", fmt.Sprintf("%s_%s_%d", s.Name, subtest(c), repeat))
}

// judgeSaved judges a saved ledger again and prints its verdicts. The status is
// that of the binary: a check that fails is exitFailed.
func judgeSaved(w io.Writer, dir string) (status int, err error) {
	saved, err := engine.OpenSaved(dir)
	if err != nil {
		return exitNoRun, err
	}
	_, verdicts, err := saved.Judge()
	if err != nil {
		return exitNoRun, fmt.Errorf("judge %s: %w", dir, err)
	}
	fmt.Fprintf(w, "%s, %s on %s, repeat %d, seed %d\n", saved.Scenario, saved.Consumer, saved.Backend, saved.Repeat, saved.Seed)
	for _, s := range saved.Settings {
		fmt.Fprintf(w, "  %s: %s\n", s.Name, s.Value)
	}
	if saved.Command != "" {
		fmt.Fprintf(w, "  again: %s\n", saved.Command)
	}
	if err := reports.Verdicts(w, verdicts); err != nil {
		return exitNoRun, err
	}
	if changed := changes(saved.Verdicts, verdicts); len(changed) > 0 {
		fmt.Fprintf(w, "\nnot as the run itself was judged, by another version of the checks or with an incomplete ledger: %s\n", strings.Join(changed, ", "))
	}
	if slices.ContainsFunc(verdicts, func(v harness.Verdict) bool { return v.Status == harness.Fail || v.Status == harness.Inconclusive }) {
		return exitFailed, nil
	}
	return exitOK, nil
}

// changes are the checks whose verdicts differ.
func changes(was, is []harness.Verdict) (names []string) {
	for _, v := range is {
		i := slices.IndexFunc(was, func(w harness.Verdict) bool { return w.Check == v.Check })
		if i < 0 || !reflect.DeepEqual(was[i], v) {
			names = append(names, v.Check)
		}
	}
	return names
}
