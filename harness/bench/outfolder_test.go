package bench

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// halfWritten fills a folder of reports as a comparison does that is killed while it
// writes. It returns the paths.
func halfWritten(t *testing.T, out string) (paths []string) {
	t.Helper()
	partial := filepath.Join(out, ledgersName, ".partial-123")
	if err := os.MkdirAll(partial, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{".result.json.1", ".bench.txt.22", ".report.html.333", "ledger/.partial-123/sends.journal"} {
		path = filepath.Join(out, path)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return append(paths, partial)
}

func exist(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestHalfWrittenFilesOfAKilledComparisonAreRemoved(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	left := halfWritten(t, out)
	other := []string{filepath.Join(out, ".mine"), filepath.Join(out, "result.json"), filepath.Join(out, ledgersName, ".partial-other", "notes.txt")}
	if err := os.Mkdir(filepath.Dir(other[2]), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range other {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := openOut(out); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(left, exist); i >= 0 {
		t.Errorf("%s is still there", left[i])
	}
	for _, path := range other {
		if !exist(path) {
			t.Errorf("%s is gone", path)
		}
	}
}

// Another comparison may be writing these files.
func TestFilesOfAnotherComparisonAreLeftAlone(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	left := halfWritten(t, out)
	other, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	if err := openOut(out); err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if !exist(path) {
			t.Errorf("%s is gone", path)
		}
	}
}
