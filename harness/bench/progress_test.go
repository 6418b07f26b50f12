package bench

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

func TestProgressSaysWhereALedgerIs(t *testing.T) {
	out := &strings.Builder{}
	d := &display{out: out, matrix: &matrix{repeats: 1}, number: 1, label: "brief absent 1"}
	o := &engine.Outcome{Run: harness.Run{Status: harness.Fail}}
	d.endRun(o, "")
	o.Run.Ledger = "out/ledger/brief_absent_1"
	d.endRun(o, "")
	if n := strings.Count(out.String(), "its ledger is in out/ledger/brief_absent_1\n"); n != 1 || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("said:\n%s", out)
	}
}

func TestProgressSaysOnceWhyAPhaseTakesLong(t *testing.T) {
	out := &strings.Builder{}
	d := &display{out: out, matrix: &matrix{repeats: 1}, number: 1, label: "brief absent 1"}
	for range 2 {
		d.showProgress(engine.Progress{Phase: "starting", Delay: "the cluster is\nreplaced"})
	}
	if n := strings.Count(out.String(), "brief absent 1: starting: the cluster is replaced\n"); n != 1 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("said:\n%s", out)
	}
}
