package reports

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestSameResultGivesSameBytes(t *testing.T) {
	c := saved(t)
	again, err := ReadJSON(bytes.NewReader(render(t, renderJSON, c)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range forms {
		first := render(t, f.render, c)
		if !bytes.Equal(first, render(t, f.render, c)) {
			t.Errorf("%s: rendered twice, it differs", f.file)
		}
		if !bytes.Equal(first, render(t, f.render, again)) {
			t.Errorf("%s: rendered from the saved result, it differs", f.file)
		}
	}
}

func TestWriteAllReplacesItsFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // the second replaces the first
		if err := WriteAll(dir, saved(t)); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range map[string]renderer{"result.json": renderJSON, "bench.txt": renderBench, "report.html": renderHTML} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, render(t, r, saved(t))) {
			t.Errorf("%s: %v, or not what its renderer writes", name, err)
		}
	}
	if err := Rewrite(dir, saved(t)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "result.json")); err != nil || !bytes.Equal(got, render(t, renderJSON, saved(t))) {
		t.Errorf("result.json, written again: %v, or another one", err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 3 {
		t.Errorf("%d files in the folder, want 3: %v", len(left), left)
	}
}

func TestWriteAllNamesTheFileThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, WriteAll(filepath.Join(file, "out"), saved(t)), "output folder", file)

	taken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(taken, "bench.txt", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, WriteAll(taken, saved(t)), filepath.Join(taken, "bench.txt"))
	if left, _ := filepath.Glob(filepath.Join(taken, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestReplaceFileKeepsOldOnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	full := &os.PathError{Op: "write", Path: ".report.html.123", Err: errNoSpace}
	err := replaceFile(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return full
	})
	wantError(t, err, "no space left", "free some space")
	if !errors.Is(err, errNoSpace) {
		t.Error("the cause is gone")
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the file is now %q", got)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
