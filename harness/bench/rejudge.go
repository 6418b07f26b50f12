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

// ledgersName is the folder of the saved ledgers under the folder of the reports.
const ledgersName = "ledger"

// ledgerFolder is the folder under out for the ledger of a run, "" without reports.
func ledgerFolder(out string, s *harness.Scenario, c harness.Selection, repeat int) string {
	if out == "" {
		return ""
	}
	return filepath.Join(out, ledgersName, fmt.Sprintf("%s_%s_%d", safeName(s.Name), subtestName(c), repeat))
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

// keptLedgers says which runs leave a ledger.
const keptLedgers = "a failed run leaves one under OUT/ledger, and with KEEP=1 every run does"

// listLedgers lists the ledgers under out.
func listLedgers(out string) string {
	in := filepath.Join(out, ledgersName)
	if found := ledgersIn(in); found != "" {
		return "Saved ledgers; make judge IN=... judges one again:" + found
	}
	return fmt.Sprintf("There is no saved ledger in %s: %s.", relativePath(in), keptLedgers)
}

// suggestLedgers says what IN must name, and lists the ledgers in dir, in its parent,
// or under out.
func suggestLedgers(dir, out string) string {
	want := "IN= must be the folder of a ledger; " + keptLedgers
	parent := filepath.Dir(dir)
	for _, in := range []string{dir, filepath.Join(dir, "ledger"), parent, filepath.Join(parent, "ledger"), filepath.Join(out, ledgersName)} {
		if found := ledgersIn(in); found != "" {
			return want + "; these exist:" + found
		}
	}
	return want + "; there is no ledger near it"
}

// ledgersIn has a line for each of the first ledgers in a folder, "" if there is none.
func ledgersIn(in string) (lines string) {
	const most = 30
	found, err := filepath.Glob(filepath.Join(escapeGlob(in), "*", engine.Manifest))
	if err != nil { // the pattern is escaped
		return ""
	}
	for i, path := range found {
		if i == most {
			return lines + fmt.Sprintf("\n  and %d more in %s", len(found)-most, in)
		}
		lines += "\n  " + relativePath(filepath.Dir(path))
	}
	return lines
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
