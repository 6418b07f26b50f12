//go:build synctests

package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// runKeepingLedger makes a run that keeps its ledger.
func runKeepingLedger(t *testing.T, consumer string, change func(*harness.Scenario)) (dir string, o *engine.Outcome) {
	t.Helper()
	p := bubblePlan(t, consumer)
	p.Scenario.Load.Pacer = load.Constant{Rate: 50, For: 10 * time.Second}
	p.Scenario.Service = load.Fixed(10 * time.Millisecond)
	if change != nil {
		change(&p.Scenario)
	}
	p.KeepIn, p.KeepAll, p.Command = filepath.Join(t.TempDir(), "ledger", "kept"), true, "repeat me"
	o, err := runInBubble(t.Context(), t, p)
	if err != nil {
		t.Fatal(err)
	}
	return p.KeepIn, o
}

func TestRejudgedLedgerHasTheVerdictOfItsRun(t *testing.T) {
	for name, tt := range map[string]struct {
		consumer string
		change   func(*harness.Scenario)
		spoil    func(t *testing.T, dir string)
		exit     int
		first    string // line; as it begins
		more     string
	}{
		"pass": {consumer: "serial", exit: exitOK, first: "verdict: pass, the verdict of the run\n", more: "\nnot claimed and not found: "},
		"control": {
			consumer: "naive", change: func(s *harness.Scenario) { s.Service = load.Fixed(300 * time.Millisecond) },
			exit: exitOK, first: "verdict: fail (premature commit ", more: "the verdict of the run; a control is expected to fail\n",
		},
		oracle.CheckOverload: {
			consumer: "serial", change: func(s *harness.Scenario) { s.Service = load.Fixed(time.Second) },
			exit: exitFailed, first: "verdict: overload (overload ", more: "the verdict of the run\n",
		},
		"objective": {
			consumer: "serial", change: func(s *harness.Scenario) { s.Objectives = "records/s>60/s" },
			exit: exitFailed, first: "verdict: fail (objective records/s>60/s: 50/s), the verdict of the run\n",
		},
		"torn": {
			consumer: "serial", exit: exitFailed,
			spoil: func(t *testing.T, dir string) {
				if err := os.Truncate(filepath.Join(dir, "appended.journal"), 1000); err != nil {
					t.Fatal(err)
				}
			},
			first: "verdict: inconclusive (ledger complete), NOT the verdict of the run (pass)\n! ledger complete: the end of journal appended.journal is torn off: 485 of 500 slots are missing\n",
			more:  "\ninconclusive, because of the assumptions above: loss, ",
		},
		"flipped bit": {
			consumer: "serial", exit: exitNoRun,
			spoil: func(t *testing.T, dir string) {
				path := filepath.Join(dir, "sends.journal")
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				b[999] ^= 8
				if err := os.WriteFile(path, b, 0o644); err != nil {
					t.Fatal(err)
				}
			},
			more: "the ledger is damaged; make a new run: repeat me",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, o := runKeepingLedger(t, tt.consumer, tt.change)
			if tt.spoil != nil {
				tt.spoil(t, dir)
			}
			out := &strings.Builder{}
			exit, err := rejudgeLedger(out, dir, "")
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if exit != tt.exit || !strings.HasPrefix(said, tt.first) || !strings.Contains(said, tt.more) {
				t.Errorf("exit %d, want %d; want %q and %q in:\n%s", exit, tt.exit, tt.first, tt.more, said)
			}
			if tt.spoil == nil && (exit == exitOK) != o.Run.Expected {
				t.Errorf("exit %d, but of the run it was as expected: %v", exit, o.Run.Expected)
			}
			if n := strings.Count(said, "slots are missing"); n > 1 {
				t.Errorf("it reports the torn journal %d times", n)
			}
		})
	}
}

func TestRejudgeListsTheLedgersNearby(t *testing.T) {
	dir, _ := runKeepingLedger(t, "serial", nil)
	parent := filepath.Dir(dir)
	out := filepath.Dir(parent)
	result := filepath.Join(out, "result.json")
	if err := os.WriteFile(result, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{result, out, parent, filepath.Join(parent, "kapt"), os.DevNull} {
		exit, err := rejudgeLedger(os.Stdout, in, out)
		if exit != exitNoRun || err == nil || !strings.Contains(err.Error(), "IN= must be the folder of a ledger") || !strings.HasSuffix(err.Error(), "these exist:\n  "+dir) {
			t.Errorf("%s: exit %d, %v", in, exit, err)
		}
	}
	if said, want := listLedgers(out), "Saved ledgers; make judge IN=... judges one again:\n  "+dir; said != want {
		t.Errorf("the list is %q, want %q", said, want)
	}
}
