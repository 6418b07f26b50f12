package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// The naive consumer commits ahead of its work. That shows without a fault where records
// queue: the workers of two pods do 160 a second here, of 200.
func TestFailingRunSavesItsLedger(t *testing.T) {
	lock.Machine(t)
	dir := filepath.Join(t.TempDir(), "kept")
	p := plan(t, "naive", func(s *harness.Scenario) { s.Name, s.Service = "pod-crash", load.Fixed(100*time.Millisecond) })
	p.KeepIn, p.KeepAll, p.Command = dir, true, "repeat me"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	o, err := engine.Run(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if o.Run.Ledger != dir || o.Run.Command != "repeat me" {
		t.Errorf("the run says its ledger is at %q, %q", o.Run.Ledger, o.Run.Command)
	}
	t.Run("judged again", func(t *testing.T) {
		got := judgedAgain(t, dir, o.Run.Verdicts)
		pending := slices.IndexFunc(got, func(v harness.Verdict) bool { return v.Check == oracle.CheckPrematureCommit })
		if v := got[pending]; len(v.Examples) == 0 || len(v.Examples[0].Timeline) < 4 {
			t.Errorf("%s: %d found, the first with the story %+v", v.Check, v.Count, v.Examples)
		}
	})
	t.Run("flipped bit", func(t *testing.T) { flippedBit(t, copied(t, dir)) })
	t.Run("torn tail", func(t *testing.T) { tornTail(t, copied(t, dir)) })
	t.Run("another version", func(t *testing.T) {
		at := copied(t, dir)
		edit(t, filepath.Join(at, "ledger.json"), func(b []byte) []byte {
			return regexp.MustCompile(`"version": \d+`).ReplaceAll(b, []byte(`"version": 99`))
		})
		if _, err := engine.OpenSaved(at); err == nil || !strings.Contains(err.Error(), "version 99") {
			t.Errorf("error %v", err)
		}
	})
	if _, err := engine.OpenSaved(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no saved ledger") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestNamedPipeIsNoManifest(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, engine.Manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.OpenSaved(dir); err == nil || !strings.Contains(err.Error(), "a named pipe") {
		t.Errorf("error %v", err)
	}
}

// judgedAgain judges a saved ledger and wants the verdicts of the run.
func judgedAgain(t *testing.T, dir string, want []harness.Verdict) []harness.Verdict {
	t.Helper()
	s, err := engine.OpenSaved(dir)
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Judge()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(j.Verdicts, want) {
		t.Errorf("verdicts\n got  %+v\n want %+v", j.Verdicts, want)
	}
	if len(j.Changed) > 0 {
		t.Errorf("said to have changed: %v", j.Changed)
	}
	return j.Verdicts
}

func flippedBit(t *testing.T, dir string) {
	edit(t, filepath.Join(dir, "sends.journal"), func(b []byte) []byte { b[777] ^= 4; return b })
	s, err := engine.OpenSaved(dir)
	if err == nil {
		_, err = s.Judge()
	}
	if !errors.Is(err, ledger.ErrCorrupt) || !strings.Contains(err.Error(), "make a new run: repeat me") {
		t.Errorf("error %v, want that the ledger is corrupt, and what to do", err)
	}
}

func tornTail(t *testing.T, dir string) {
	edit(t, filepath.Join(dir, "appended.journal"), func(b []byte) []byte { return b[:10*ledger.SlotSize+7] })
	s, err := engine.OpenSaved(dir)
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Judge()
	if err != nil {
		t.Fatal(err)
	}
	if j.Expected || !j.Torn || !slices.Contains(j.Changed, oracle.LedgerComplete) || !slices.Contains(j.Changed, oracle.CheckLoss) {
		t.Errorf("expected %v, torn %v, changed %v", j.Expected, j.Torn, j.Changed)
	}
	for _, v := range j.Verdicts {
		if v.Check == oracle.CheckLoss && (v.Status != harness.Inconclusive || !strings.Contains(v.Detail, "390 of 400 slots are missing")) {
			t.Errorf("loss: %s, %s", v.Status, v.Detail)
		}
	}
}

func copied(t *testing.T, dir string) string {
	at := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(at, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return at
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
