package consumers_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/reports"
)

const fieldPath = "../testdata/field.json"

const figuresIntro = `
## Figures

Of the last run of all consumers, by scenario; [testdata/field.json](../testdata/field.json) has them. To make them anew:
` + "`make bench CONSUMER='*' OUT=out/all`, then `make field-figures IN=out/all`" + `. Runs on real Kafka, as
` + "`make bench CONSUMER='*' SCENARIO=broker-kill,pod-crash BROKER=docker OUT=out/docker`" + `, are taken in beside those.
`

// field are the figures in a file, none where there is no such file.
func field(path string) (*reports.Snapshot, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return new(reports.Snapshot), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return reports.ReadSnapshot(f)
}

// takeFigures takes results, files or the folders of them, into the file of figures.
func takeFigures(path string, results []string) error {
	kept, err := field(path)
	if err != nil {
		return err
	}
	var all []*harness.Comparison
	for _, in := range results {
		if filepath.Ext(in) != ".json" {
			in = filepath.Join(in, "result.json")
		}
		raw, err := os.ReadFile(in)
		if err != nil {
			return err
		}
		c, err := reports.ReadJSON(bytes.NewReader(raw))
		if err != nil {
			return fmt.Errorf("saved result %s: %w", in, err)
		}
		all = append(all, c)
	}
	kept.ReplaceRuns(all...)
	var b bytes.Buffer
	if err := kept.JSON(&b); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// figures is the page's part of figures. STAMPEDE_FIGURES names results to take in first.
func figures(t *testing.T, names []string) string {
	t.Helper()
	if results := strings.Fields(os.Getenv("STAMPEDE_FIGURES")); len(results) > 0 {
		if err := takeFigures(fieldPath, results); err != nil {
			t.Fatal(err)
		}
	}
	f, err := field(fieldPath)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := f.Markdown(&b, names); err != nil {
		t.Fatal(err)
	}
	return figuresIntro + b.String()
}

func TestTakeFigures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "field.json")
	if err := takeFigures(path, []string{"../testdata/reports/comparison.json"}); err != nil {
		t.Fatal(err)
	}
	f, err := field(path)
	if err != nil || len(f.Runs) != 1 || len(f.Runs[0].Scenarios) != 5 || f.Runs[0].Scenarios[0].Consumers[0].Metrics.P99 == nil {
		t.Errorf("took %+v, %v", f, err)
	}
	if err := takeFigures(path, []string{t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder without a result: %v", err)
	}
}
