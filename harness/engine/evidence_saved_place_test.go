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
