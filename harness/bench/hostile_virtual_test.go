//go:build synctests

package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/plain/plaintest"
)

// curses works on one record as mine does, and then fails with hostile texts.
var _ = harness.Register(harness.Implementation{
	Name: "curses", Doc: hostileText, Delivery: harness.AtLeastOnce, Order: harness.OrderKey, Mutant: true,
	Knobs: []harness.Knob{{Name: "word", Default: "x"}},
	New: func(harness.Config) (harness.Consumer, error) {
		return consume(func(ctx context.Context, cfg harness.Config, w harness.Work) error {
			mine, err := harness.FindImplementation("mine")
			if err != nil {
				return err
			}
			honest, err := mine.New(cfg)
			if err != nil {
				return err
			}
			working, cancel := context.WithCancel(ctx)
			defer cancel()
			honest.Consume(working, cfg, firstWork{w, cancel})
			return errors.New(hostileText)
		}), nil
	},
})

// firstWork ends its consumer after the first record.
type firstWork struct {
	harness.Work
	end func()
}

func (w firstWork) Do(ctx context.Context, r *harness.Record) error {
	defer w.end()
	return w.Work.Do(ctx, r)
}

var hostileText = strings.Join(plaintest.Hostile("http://127.0.0.1:1"), "\n")

// All that a comparison prints and writes is harmless, whatever its consumer says.
func TestComparisonOfAHostileConsumerIsHarmless(t *testing.T) {
	cmd, out := compareVirtual(t, "-test.v", "-keep", "-scenario=brief", "-consumer=curses?word=\x1b[31m::a\n::error::b\u202e,mine")
	raw, _ := cmd.CombinedOutput()
	if harm := plaintest.Harm(string(raw)); harm != "" {
		t.Errorf("what it printed has %s:\n%q", harm, raw)
	}
	c := readResult(t, out)
	if len(c.Cells) != 2 || c.Runs[0].Status != harness.Fail || !strings.Contains(c.Runs[0].Reasons[0], "pod-1.1 ended by itself: consumer curses: ") {
		t.Fatalf("%d cells; the first run is %s: %q", len(c.Cells), c.Runs[0].Status, c.Runs[0].Reasons)
	}
	for _, name := range []string{"result.json", "bench.txt", "report.html"} {
		file, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		if harm := plaintest.Harm(string(file)); harm != "" {
			t.Errorf("%s has %s", name, harm)
		}
	}
	ledgers, _ := filepath.Glob(filepath.Join(out, "ledger", "*", engine.Manifest))
	if len(ledgers) != 2 {
		t.Fatalf("ledgers %v", ledgers)
	}
	for _, path := range ledgers {
		var judged strings.Builder
		if _, err := rejudgeLedger(&judged, filepath.Dir(path), out); err != nil {
			t.Fatal(err)
		}
		if harm := plaintest.Harm(judged.String()); harm != "" {
			t.Errorf("the judgement of %s has %s:\n%s", path, harm, judged.String())
		}
	}
}

func TestListOfHostileTextsIsHarmless(t *testing.T) {
	var list strings.Builder
	listEntry(&list, 80, "curses", plaintest.Hostile("http://127.0.0.1:1")...)
	if harm := plaintest.Harm(list.String()); harm != "" {
		t.Errorf("the list has %s:\n%s", harm, list.String())
	}
}
