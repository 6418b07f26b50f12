package mutants_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// soakCounts are the counts of one back end, kept in testdata from one soak to the next. The
// runs of a name have the seeds from 1 on.
type soakCounts struct {
	Mutants map[string]*tally `json:"mutants"` // Mutants by case and scenario, as mutant-commits-skipped/join; good is caught as declared
	Honest  map[string]*tally `json:"honest"`  // Honest by consumer, as keyed@848; good is pass
}

type tally struct {
	Runs  int            `json:"runs"`
	Good  int            `json:"good"`
	Found map[string]int `json:"found,omitempty"` // Found has in how many runs a check found something
}

const testdata = "../../testdata"

func countsPath(backend string) string {
	return filepath.Join(testdata, "mutants-"+backend+".json")
}

// countsFile is held while counts are read and written again.
var countsFile sync.Mutex

func loadCounts(t *testing.T, backend string) soakCounts {
	t.Helper()
	c := soakCounts{Mutants: map[string]*tally{}, Honest: map[string]*tally{}}
	text, err := os.ReadFile(countsPath(backend))
	if errors.Is(err, fs.ErrNotExist) {
		return c
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// countRun adds a run to the counts of a back end.
func countRun(t *testing.T, backend string, of func(soakCounts) map[string]*tally, name string, good bool, found []string) {
	t.Helper()
	countsFile.Lock()
	defer countsFile.Unlock()
	c := loadCounts(t, backend)
	n := of(c)[name]
	if n == nil {
		n = &tally{}
		of(c)[name] = n
	}
	n.Runs++
	if good {
		n.Good++
	}
	for _, check := range found {
		if n.Found == nil {
			n.Found = map[string]int{}
		}
		n.Found[check]++
	}
	if err := writeCounts(backend, c); err != nil {
		t.Fatal(err)
	}
}

func writeCounts(backend string, c soakCounts) error {
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("encode counts: %w", err)
	}
	path := countsPath(backend)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// missingSeeds are the seeds up to n that a name has not been run with.
func missingSeeds(t *testing.T, backend string, of func(soakCounts) map[string]*tally, name string, n int) (list []uint64) {
	t.Helper()
	countsFile.Lock()
	defer countsFile.Unlock()
	done := 0
	if tally := of(loadCounts(t, backend))[name]; tally != nil {
		done = tally.Runs
	}
	for seed := done + 1; seed <= n; seed++ {
		list = append(list, uint64(seed))
	}
	return list
}

func mutantCounts(c soakCounts) map[string]*tally { return c.Mutants }
func honestCounts(c soakCounts) map[string]*tally { return c.Honest }
