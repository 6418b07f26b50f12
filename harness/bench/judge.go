package bench

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

// keepIn is the folder under out for the ledger of a run, "" where no reports are
// written.
func keepIn(out string, s *harness.Scenario, c harness.Choice, repeat int) string {
	if out == "" {
		return ""
	}
	return filepath.Join(out, "ledger", fmt.Sprintf("%s_%s_%d", s.Name, subtest(c), repeat))
}

// commandOf repeats one run of the comparison.
func commandOf(o *options, s *harness.Scenario, c harness.Choice, repeat int) string {
	only := fmt.Sprintf("-run '^TestCompare$/^%s$/^%s$/^%d$'", s.Name, strings.NewReplacer(".", `\.`, "*", `\*`).Replace(subtest(c)), repeat)
	return strings.Replace(command(o), "-run '^TestCompare$'", only, 1)
}

// judgeSaved judges a saved ledger again and prints what became of it. The status
// is that of the binary, and the one that the run itself had: exitFailed where it was
// not as it should be, or is not judged as it was.
func judgeSaved(w io.Writer, dir string) (status int, err error) {
	saved, err := engine.OpenSaved(dir)
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
