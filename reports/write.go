package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/stampede-bench/stampede/harness"
)

// WriteAll writes result.json, bench.txt and report.html into a directory, which
// it makes if there is no such directory. A file is written whole or not at all, and
// replaces an older one. An error names the file.
func WriteAll(dir string, c *harness.Comparison) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the output folder: %w", err)
	}
	var saved bytes.Buffer
	if err := renderJSON(&saved, c); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(dir, "result.json"), err)
	}
	// The other reports come from the saved result, so that rendering it again
	// gives the same bytes.
	c, err := ReadJSON(bytes.NewReader(saved.Bytes()))
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(dir, "result.json"), err)
	}
	return writeFiles(dir, c, func(w io.Writer, _ *harness.Comparison) error { _, err := w.Write(saved.Bytes()); return err })
}

// Rewrite does what [WriteAll] does, for a comparison that [ReadJSON] has read.
func Rewrite(dir string, c *harness.Comparison) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the output folder: %w", err)
	}
	return writeFiles(dir, c, renderJSON)
}

func writeFiles(dir string, c *harness.Comparison, renderResult renderer) error {
	files := []struct {
		name   string
		render renderer
	}{
		{"result.json", renderResult},
		{"bench.txt", renderBench},
		{"report.html", renderHTML},
	}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := replaceFile(path, func(w io.Writer) error { return f.render(w, c) }); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

// RemovePartial removes the files that a process which was killed while it wrote reports
// has left in a directory. No other process may write there now.
func RemovePartial(dir string) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return // there is nothing
	}
	for _, f := range files {
		for _, name := range fileNames {
			end, is := strings.CutPrefix(f.Name(), partialPrefix(name))
			if f.Type().IsRegular() && is && end != "" && strings.Trim(end, "0123456789") == "" { // as CreateTemp names it
				os.Remove(filepath.Join(dir, f.Name()))
			}
		}
	}
}

// fileNames are the names of the reports.
var fileNames = []string{"result.json", "bench.txt", "report.html"}

// partialPrefix begins the name of a file while it is written.
func partialPrefix(name string) string { return "." + name + "." }

// replaceFile puts what render writes in place of path by a rename.
func replaceFile(path string, render func(io.Writer) error) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), partialPrefix(filepath.Base(path))+"*")
	if err != nil {
		return withoutTempName(err)
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
			err = withoutTempName(err)
		}
	}()
	if err := render(tmp); err != nil {
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// withoutTempName drops the temporary file's name from an error, and says what
// helps on a full disk.
func withoutTempName(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: free some space or write to another folder", err)
	}
	return err
}
