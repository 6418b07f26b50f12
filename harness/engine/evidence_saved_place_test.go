package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// Another file system may be full. (Here a folder takes the place of a journal, because it
// cannot be copied.)
func TestLedgerThatCannotBeCopiedStaysComplete(t *testing.T) {
	other, err := os.MkdirTemp("/dev/shm", "stampede-test-")
	if err != nil {
		t.Skip("no second file system: ", err)
	}
	t.Cleanup(func() { os.RemoveAll(other) })
	s := &Saved{Version: savedVersion, dir: t.TempDir()}
	for _, name := range []string{"first", "second"} {
		w, err := ledger.NewWriter(filepath.Join(s.dir, name+".journal"))
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Journals = append(s.Journals, SavedJournal{File: name + ".journal"})
	}
	s.Journals = append(s.Journals, SavedJournal{File: "third.journal"})
	if err := os.Mkdir(s.journalPath(s.Journals[2]), 0o755); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(other, "kept")
	if err := s.saveTo(to); err == nil {
		t.Fatal("no error")
	}
	for _, j := range s.Journals {
		if _, err := os.Stat(filepath.Join(s.dir, j.File)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(to); !os.IsNotExist(err) {
		t.Errorf("half a ledger is left in %s: %v", to, err)
	}
}

func TestKeptLedgerRemovesOnlyALedger(t *testing.T) {
	newSaved := func() *Saved {
		s := &Saved{Version: savedVersion, dir: t.TempDir(), Journals: []SavedJournal{{File: "only.journal"}}}
		w, err := ledger.NewWriter(s.journalPath(s.Journals[0]))
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, c := range map[string]struct {
		existing string // a file in the folder
		kept     bool
	}{
		"no folder": {"", true}, "an older ledger": {"old.journal", true},
		"a file of the user": {"thesis.txt", false}, "a folder of the user": {"src/main.go", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ledger", "kept")
			old := filepath.Join(dir, c.existing)
			if c.existing != "" {
				if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(old, nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			err := newSaved().saveTo(dir)
			_, there := os.Stat(filepath.Join(dir, Manifest))
			if (err == nil) != c.kept || (there == nil) != c.kept {
				t.Errorf("saved: %v, its manifest: %v", err, there)
			}
			if _, err := os.Stat(old); !c.kept && err != nil {
				t.Errorf("it removed %s: %v", c.existing, err)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".partial-*")); err != nil || len(left) > 0 {
				t.Errorf("it left %v: %v", left, err)
			}
		})
	}
}
