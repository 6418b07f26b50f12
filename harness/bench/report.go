package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/reports"
)

// worstFirst orders statuses by their weight in a cell of several runs.
var worstFirst = []harness.Status{harness.Fail, harness.NotMade, harness.Inconclusive, harness.Overload, harness.Skipped, harness.Pass}

// mergeCells makes one cell of all runs of a consumer in a scenario. It merges the
// latencies of passed runs only: those of a failed run mean nothing.
func mergeCells(c *harness.Comparison, latencies []*measure.Latencies) (all []harness.Cell) {
	for _, s := range c.Scenarios {
		for _, k := range c.Consumers {
			cell := harness.Cell{Scenario: s.Name, Consumer: k.Name, Expected: true}
			merged := &measure.Latencies{}
			for i, r := range c.Runs {
				if r.Scenario != s.Name || r.Consumer != k.Name {
					continue
				}
				cell.Runs = append(cell.Runs, i)
				cell.Status = worseStatus(cell.Status, r.Status)
				cell.Expected = cell.Expected && r.Expected
				if r.Status == harness.Pass {
					merged.Merge(latencies[i])
				}
			}
			if len(cell.Runs) == 0 {
				continue
			}
			cell.Curves = merged.Curves()
			cell.Steady = merged.Set(measure.PhaseSteady)
			all = append(all, cell)
		}
	}
	return all
}

func worseStatus(a, b harness.Status) harness.Status {
	for _, s := range worstFirst {
		if a == s || b == s {
			return s
		}
	}
	return b
}

// dropUnrun drops the scenarios and consumers that -run left out.
func (c *comparison) dropUnrun() {
	scenarios, consumers := map[string]bool{}, map[string]bool{}
	for _, r := range c.result.Runs {
		scenarios[r.Scenario], consumers[r.Consumer] = true, true
	}
	c.result.Scenarios = slices.DeleteFunc(c.result.Scenarios, func(s harness.ScenarioInfo) bool { return !scenarios[s.Name] })
	c.result.Consumers = slices.DeleteFunc(c.result.Consumers, func(k harness.ConsumerInfo) bool { return !consumers[k.Name] })
}

// writeReport completes the result, prints it, and writes the files of -out.
func (c *comparison) writeReport() error {
	c.result.Took = time.Since(c.result.Started).Round(time.Millisecond)
	if d, ok := c.matrix.backend.(harness.Describer); ok {
		c.result.Broker, c.result.Modelled = d.Describe(), d.Modelled()
	}
	if !c.result.Interrupted {
		c.dropUnrun()
	}
	c.result.Cells = mergeCells(c.result, c.merged)
	if len(c.result.Runs) == 0 {
		return nil
	}
	if err := reports.RenderText(os.Stdout, c.result); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if c.options.out == "" {
		return nil
	}
	return writeReports(c.options.out, c.result)
}

// renderSaved reports a saved result again.
func renderSaved(in, out string) error {
	f, err := os.Open(in)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no saved result at %s: run make bench first, or name another file with IN=", in)
	}
	if err != nil {
		return fmt.Errorf("saved result: %w", err)
	}
	defer f.Close()
	c, err := reports.ReadJSON(f)
	if err != nil {
		return fmt.Errorf("saved result %s: %w", in, err)
	}
	if err := reports.RenderText(os.Stdout, c); err != nil {
		return err
	}
	if out == "" {
		return nil
	}
	return writeReports(out, c)
}

// writeReports writes the files of a report and prints where it is.
func writeReports(out string, c *harness.Comparison) error {
	if err := reports.WriteAll(out, c); err != nil {
		return err
	}
	fmt.Printf("\nreport: %s\n", filepath.Join(out, "report.html"))
	return nil
}
