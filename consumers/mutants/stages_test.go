package mutants_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	_ "github.com/stampede-bench/stampede/harness/broker/docker"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// stages are the back ends that mutants are caught on.
var stages = []string{"virtual", "embedded", "docker"}

// play makes one run of a consumer in a scene. Where time is real, a run that is
// inconclusive is made once more, as in any comparison. One that does not pass
// leaves its ledger in STAMPEDE_SOAK_KEEP, if that names a folder.
func play(t *testing.T, stage string, s harness.Scenario, consumer string, seed uint64) *harness.Run {
	t.Helper()
	if stage == "virtual" {
		r, err := bench.RunVirtual(t, s, consumer, seed)
		if errors.Is(err, virtual.ErrTag) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := realTime(t, stage, s, consumer, seed)
	if r.Status == harness.Inconclusive {
		t.Logf("again: %v", r.Reasons)
		r = realTime(t, stage, s, consumer, seed)
	}
	return r
}

func realTime(t *testing.T, stage string, s harness.Scenario, consumer string, seed uint64) *harness.Run {
	t.Helper()
	s, err := engine.Overrides{}.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := harness.FindBackend(stage)
	if err != nil {
		t.Fatal(err)
	}
	choices, err := harness.ParseSelection(consumer)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	plan := engine.Plan{Scenario: s, Consumer: choices[0], Backend: backend, Repeat: 1, Seed: seed}
	if dir := os.Getenv("STAMPEDE_SOAK_KEEP"); dir != "" {
		plan.KeepIn = filepath.Join(dir, stage, s.Name, consumer, strconv.FormatUint(seed, 10))
	}
	o, err := engine.Run(ctx, plan)
	if err != nil {
		t.Fatal(err)
	}
	return &o.Run
}

// anyones are the checks that nobody is held to, and those whose figures mean
// something whatever is claimed. What others count beside the claims of a
// consumer, as inversions of one that promises no order, is no finding.
var anyones = []string{oracle.CheckRedelivery, oracle.CheckRedeliveryOutOfOrder, oracle.CheckUnfencedWork, oracle.CheckCommitAfterRevoke, oracle.CheckOverload}

// shows reports that a check found something.
func shows(v harness.Verdict) bool {
	return v.Status == harness.Fail || v.Status == harness.NotJudged && v.Count > 0 && slices.Contains(anyones, v.Check)
}

// found are the checks of a run that found something.
func found(r *harness.Run) (checks []string) {
	for _, v := range r.Verdicts {
		if shows(v) {
			checks = append(checks, v.Check)
		}
	}
	return checks
}

// held says where a run is not what its culprit declares: a check that must catch
// it and did not, or one that never may and did.
func (c culprit) held(r *harness.Run) (err error) {
	must := c.musts(r.Scenario)
	for _, check := range must {
		n := slices.IndexFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == check })
		switch {
		case n < 0:
			err = errors.Join(err, fmt.Errorf("there is no check %q", check))
		case !shows(r.Verdicts[n]):
			v := r.Verdicts[n]
			err = errors.Join(err, fmt.Errorf("must: %q did not catch it: %s, %d %s", check, v.Status, v.Count, v.Detail))
		case len(r.Verdicts[n].Examples) == 0:
			err = errors.Join(err, fmt.Errorf("must: %q caught it without evidence", check))
		}
	}
	for _, v := range r.Verdicts {
		if shows(v) && !slices.Contains(must, v.Check) && c.declares(v.Check) == "never" {
			err = errors.Join(err, fmt.Errorf("never: %q caught it: %d, %s", v.Check, v.Count, first(v)))
		}
	}
	return err
}

// first is the first example of a verdict, in words.
func first(v harness.Verdict) string {
	if len(v.Examples) == 0 {
		return v.Detail
	}
	e := v.Examples[0]
	return fmt.Sprintf("key %d seq %d at %d/%d %v: %s", e.Key, e.Seq, e.Partition, e.Offset, e.Pods, e.Text)
}

// firsts are the first examples of the verdicts that failed.
func firsts(r *harness.Run) string {
	var b strings.Builder
	for _, v := range r.Verdicts {
		if v.Status == harness.Fail {
			fmt.Fprintf(&b, "%s: %s\n", v.Check, first(v))
		}
	}
	return b.String()
}
