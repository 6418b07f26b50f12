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
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/measure"
	"github.com/stampede-bench/stampede/reports"
)

// worstFirst orders statuses by their weight in a cell of several runs.
var worstFirst = []harness.Status{harness.Fail, harness.NotMade, harness.Inconclusive, harness.Overload, harness.Skipped, harness.Pass}

// mergeCells makes one cell of all runs of a consumer in a scenario. It merges the
// latencies of runs that kept their claims: those of others mean nothing. Those of a saturated
// machine are never mixed with others.
func mergeCells(c *harness.Comparison, latencies []*measure.Latencies) (all []harness.Cell) {
	for _, s := range c.Scenarios {
		for _, k := range c.Consumers {
			cell := harness.Cell{Scenario: s.Name, Consumer: k.Name, Expected: true}
			merged, saturated := &measure.Latencies{}, &measure.Latencies{}
			passed, room := 0, 0
			for i, r := range c.Runs {
				if r.Scenario != s.Name || r.Consumer != k.Name {
					continue
				}
				cell.Runs = append(cell.Runs, i)
				cell.Status = worseStatus(cell.Status, r.Status)
				cell.Expected = cell.Expected && r.Expected
				switch {
				case !r.KeptClaims():
				case r.Saturated != "":
					passed++
					saturated.Merge(latencies[i])
				default:
					passed, room = passed+1, room+1
					merged.Merge(latencies[i])
				}
			}
			if len(cell.Runs) == 0 {
				continue
			}
			if cell.Saturated = passed > 0 && room == 0; cell.Saturated {
				merged = saturated
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

// completeResult sets what depends on all runs.
func (c *comparison) completeResult() {
	c.result.Took = time.Since(c.result.Started).Round(time.Millisecond)
	if d, ok := c.matrix.backend.(harness.Describer); ok {
		c.result.Broker, c.result.Modelled = d.Describe(), d.Modelled()
	}
	c.result.Cells = mergeCells(c.result, c.merged)
}

// writeReport completes the result, writes the files of -out, and prints the result. A
// failing terminal does not prevent the files.
func (c *comparison) writeReport() error {
	if len(c.result.Runs) == 0 {
		return nil
	}
	if !c.result.Interrupted {
		c.dropUnrun()
	}
	c.completeResult()
	return publish(c.options.out, c.result, reports.WriteAll)
}

// publish writes the reports into out, if that is a folder, and prints the result.
func publish(out string, c *harness.Comparison, write func(dir string, c *harness.Comparison) error) error {
	var written error
	if out != "" {
		written = write(out, c)
	}
	printed := reports.RenderText(os.Stdout, c)
	if out != "" && written == nil && printed == nil {
		_, printed = fmt.Printf("\nreport: %s\n", filepath.Join(out, "report.html"))
	}
	if printed != nil {
		printed = fmt.Errorf("print the report: %w", printed)
		if out != "" && written == nil {
			printed = fmt.Errorf("%w; it is in %s", printed, filepath.Join(out, "report.html"))
		}
	}
	return errors.Join(written, printed)
}

// lastSave is the last time that the result was saved before the end.
type lastSave struct {
	at   time.Time
	took time.Duration
	err  error
}

// saveSoFar writes the reports of the runs so far, which a kill or a panic then leaves
// behind. They say that the comparison was interrupted, unless this was the last run. It
// skips a run where writing would take more than a tenth of the time.
func (c *comparison) saveSoFar() {
	began := time.Now()
	if c.options.out == "" || began.Sub(c.saved.at) < 9*c.saved.took {
		return
	}
	interrupted := c.result.Interrupted
	c.result.Interrupted = interrupted || len(c.result.Runs) < c.result.Planned
	c.completeResult()
	err := reports.WriteAll(c.options.out, c.result)
	c.result.Interrupted = interrupted
	if err != nil && c.saved.err == nil { // the last report returns its own error
		complain(err)
	}
	c.saved = lastSave{time.Now(), time.Since(began), err}
}

// renderSaved reports a saved result again.
func renderSaved(in, out string) error {
	f, err := ledger.OpenFile(in)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no saved result at %s: run make bench first, or name another file with IN=", in)
	}
	if err != nil {
		return fmt.Errorf("saved result: %w", err)
	}
	defer f.Close()
	if filepath.Base(in) == capacityFile {
		return renderCapacity(f, in, out)
	}
	c, err := reports.ReadJSON(f)
	if err != nil {
		return fmt.Errorf("saved result %s: %w", in, err)
	}
	return publish(out, c, reports.Rewrite)
}
