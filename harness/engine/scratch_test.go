package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stampede-bench/stampede/harness/engine"
)

// Whatever has the name of a folder of a run, or of its lock, does not hang the start.
func TestSweepIgnoresWhatIsNoFolderOfARun(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	elsewhere := filepath.Join(temp, "elsewhere")
	for name, make := range map[string]func(path string) error{
		"fifo":    func(path string) error { return unix.Mkfifo(path, 0o666) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o755) },
		"link":    func(path string) error { return os.Symlink(elsewhere, path) },
		"nowhere": func(path string) error { return os.Symlink(filepath.Join(temp, "missing"), path) },
	} {
		run := filepath.Join(temp, "stampede-run-of-a-"+name)
		if err := make(run); err != nil {
			t.Fatal(err)
		}
		run = filepath.Join(temp, "stampede-run-with-a-"+name)
		if err := os.Mkdir(run, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := make(filepath.Join(run, "lock")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(elsewhere), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	engine.Sweep()
	left, err := filepath.Glob(filepath.Join(temp, "stampede-run-*"))
	if err != nil || len(left) != 8 {
		t.Errorf("the sweep left %q (error %v), want all eight", left, err)
	}
}
