package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// ledgerFolder is the folder under out for the ledger of a run, "" without reports.
func ledgerFolder(out string, s *harness.Scenario, c harness.Selection, repeat int) string {
	if out == "" {
		return ""
	}
	return filepath.Join(out, "ledger", fmt.Sprintf("%s_%s_%d", safeName(s.Name), subtestName(c), repeat))
}

// rejudgeLedger judges a saved ledger again and prints the verdict. It returns the
// exit status: exitFailed if the status of the run is unexpected, or differs from the
// status that the run had.
func rejudgeLedger(w io.Writer, dir, out string) (status int, err error) {
	saved, err := engine.OpenSaved(dir)
	if errors.Is(err, engine.ErrNoLedger) {
		return exitNoRun, fmt.Errorf("%w: %s", err, suggestLedgers(dir, out))
	}
	if err != nil {
		return exitNoRun, err
	}
	j, err := saved.Judge()
	if err != nil {
		return exitNoRun, err
	}
	if err := printJudgement(w, saved, j); err != nil {
		return exitNoRun, err
	}
	if !j.Expected {
		return exitFailed, nil
	}
	return exitOK, nil
}

// suggestLedgers says what IN must name, and lists the ledgers in dir, in its parent,
// or under out.
func suggestLedgers(dir, out string) string {
	const most = 30
	want := "IN= must be the folder of a ledger; a failed run leaves one under OUT/ledger, and with KEEP=1 every run does"
	parent := filepath.Dir(dir)
	for _, in := range []string{dir, filepath.Join(dir, "ledger"), parent, filepath.Join(parent, "ledger"), filepath.Join(out, "ledger")} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(in), "*", engine.Manifest))
		if err != nil || len(found) == 0 {
			continue
		}
		want += "; these exist:"
		for i, path := range found {
			if i == most {
				want += fmt.Sprintf("\n  and %d more in %s", len(found)-most, in)
				break
			}
			want += "\n  " + relativePath(filepath.Dir(path))
		}
		return want
	}
	return want + "; there is no ledger near it"
}

// escapeGlob escapes the special characters of a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// relativePath is a path relative to the working directory, if it is below it.
func relativePath(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
