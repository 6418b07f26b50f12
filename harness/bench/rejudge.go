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

// ledgerFolder is the folder under out for the ledger of a run, "" where no reports are
// written.
func ledgerFolder(out string, s *harness.Scenario, c harness.Selection, repeat int) string {
	if out == "" {
		return ""
	}
	return filepath.Join(out, "ledger", fmt.Sprintf("%s_%s_%d", s.Name, subtestName(c), repeat))
}

// rejudgeLedger judges a saved ledger again and prints what became of it. The status
// is that of the binary, and the one that the run itself had: exitFailed where it was
// not as it should be, or is not judged as it was.
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

// suggestLedgers says what is wanted in place of dir, and lists the ledgers that lie in
// it, beside it, or under out.
func suggestLedgers(dir, out string) string {
	const most = 30
	want := "IN= must be the folder of one, as a failing run leaves under OUT/ledger, and with KEEP=1 any run"
	parent := filepath.Dir(dir)
	for _, in := range []string{dir, filepath.Join(dir, "ledger"), parent, filepath.Join(parent, "ledger"), filepath.Join(out, "ledger")} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(in), "*", engine.Manifest))
		if err != nil || len(found) == 0 {
			continue
		}
		want += "; there are:"
		for i, path := range found {
			if i == most {
				want += fmt.Sprintf("\n  and %d more in %s", len(found)-most, in)
				break
			}
			want += "\n  " + relativePath(filepath.Dir(path))
		}
		return want
	}
	return want + "; none was found near it"
}

// escapeGlob is a path without a meaning as a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// relativePath is a path from here, where it lies below.
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
