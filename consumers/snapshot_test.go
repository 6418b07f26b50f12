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

const snapshotPath = "../testdata/snapshot.json"

const snapshotIntro = `
## Results

Results of the last comparison of all consumers, by scenario, from [testdata/snapshot.json](../testdata/snapshot.json). To replace them:
` + "`make bench CONSUMER='*' OUT=out/all`, then `make snapshot IN=out/all`" + `. The results on real Kafka come from
` + "`make bench CONSUMER='*' SCENARIO=broker-kill,pod-crash BROKER=docker OUT=out/docker`" + `.
`

// readSnapshot reads a snapshot from a file, an empty one if there is no such file.
func readSnapshot(path string) (*reports.Snapshot, error) {
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

// updateSnapshot copies results, files or the folders of them, into a snapshot.
func updateSnapshot(path string, results []string) error {
	kept, err := readSnapshot(path)
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

// snapshotSections are the results in README.md. STAMPEDE_SNAPSHOT names results to
// copy into the snapshot first.
func snapshotSections(t *testing.T, names []string) string {
	t.Helper()
	if results := strings.Fields(os.Getenv("STAMPEDE_SNAPSHOT")); len(results) > 0 {
		if err := updateSnapshot(snapshotPath, results); err != nil {
			t.Fatal(err)
		}
	}
	s, err := readSnapshot(snapshotPath)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.Markdown(&b, names); err != nil {
		t.Fatal(err)
	}
	return snapshotIntro + b.String()
}

func TestUpdateSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.json")
	if err := updateSnapshot(path, []string{"../testdata/run/result.json"}); err != nil {
		t.Fatal(err)
	}
	s, err := readSnapshot(path)
	if err != nil || len(s.Runs) != 1 || len(s.Runs[0].Scenarios) != 6 || s.Runs[0].Scenarios[0].Consumers[0].Metrics.P99 == nil {
		t.Errorf("the snapshot is %+v, %v", s, err)
	}
	if err := updateSnapshot(path, []string{t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder without a result: %v", err)
	}
}
