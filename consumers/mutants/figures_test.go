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

// figures are the counts of one stage, kept in testdata from one soak to the
// next. The runs of a name are those of the seeds from 1 on.
type figures struct {
	Mutants map[string]*tally `json:"mutants"` // Mutants by culprit and scene, as mutant-commits-skipped/join; good is caught as declared
	Honest  map[string]*tally `json:"honest"`  // Honest by consumer, as keyed@848; good is clean
}

type tally struct {
	Runs  int            `json:"runs"`
	Good  int            `json:"good"`
	Found map[string]int `json:"found,omitempty"` // Found has in how many runs a check found something
}

const testdata = "../../testdata"

func figuresPath(stage string) string { return filepath.Join(testdata, "mutants-"+stage+".json") }

// recording is held while figures are read and written again.
var recording sync.Mutex

func loadFigures(t *testing.T, stage string) figures {
	t.Helper()
	f := figures{Mutants: map[string]*tally{}, Honest: map[string]*tally{}}
	text, err := os.ReadFile(figuresPath(stage))
	if errors.Is(err, fs.ErrNotExist) {
		return f
	}
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// note adds a run to the figures of a stage.
func note(t *testing.T, stage string, of func(figures) map[string]*tally, name string, good bool, found []string) {
	t.Helper()
	recording.Lock()
	defer recording.Unlock()
	f := loadFigures(t, stage)
	n := of(f)[name]
	if n == nil {
		n = &tally{}
		of(f)[name] = n
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
	if err := writeFigures(stage, f); err != nil {
		t.Fatal(err)
	}
}

func writeFigures(stage string, f figures) error {
	text, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	path := figuresPath(stage)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// seeds are those that a name has not been run with, up to n.
func seeds(t *testing.T, stage string, of func(figures) map[string]*tally, name string, n int) (list []uint64) {
	t.Helper()
	recording.Lock()
	defer recording.Unlock()
	done := 0
	if tally := of(loadFigures(t, stage))[name]; tally != nil {
		done = tally.Runs
	}
	for seed := done + 1; seed <= n; seed++ {
		list = append(list, uint64(seed))
	}
	return list
}

func ofMutants(f figures) map[string]*tally { return f.Mutants }
func ofHonest(f figures) map[string]*tally  { return f.Honest }
