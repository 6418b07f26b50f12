package trial

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
	"github.com/stampede-bench/stampede/harness/broker/virtual"
	"github.com/stampede-bench/stampede/harness/engine"
)

// maxRealRun is how long a run in real time may take.
const maxRealRun = 3 * time.Minute

// RunVirtual makes one run of a consumer in virtual time. It skips the test if the binary was
// built without the tag for virtual time.
func RunVirtual(t *testing.T, s harness.Scenario, consumer string, seed uint64) *harness.Run {
	t.Helper()
	r, err := bench.RunVirtual(t, s, consumer, seed)
	if errors.Is(err, virtual.ErrTag) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// RunOn makes one run of a consumer on a back end. Where time is real, it makes an
// inconclusive run once more, as a comparison does. A run that does not pass
// leaves its ledger in the folder STAMPEDE_SOAK_KEEP, if that is set.
func RunOn(t *testing.T, backend string, s harness.Scenario, consumer string, seed uint64) *harness.Run {
	t.Helper()
	if backend == "virtual" {
		return RunVirtual(t, s, consumer, seed)
	}
	r := runRealTime(t, backend, s, consumer, seed)
	if r.Status == harness.Inconclusive {
		t.Logf("inconclusive, made once more: %v", r.Reasons)
		r = runRealTime(t, backend, s, consumer, seed)
	}
	return r
}

func runRealTime(t *testing.T, backendName string, s harness.Scenario, consumer string, seed uint64) *harness.Run {
	t.Helper()
	s, err := engine.Overrides{}.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := harness.FindBackend(backendName)
	if err != nil {
		t.Fatal(err)
	}
	selections, err := harness.ParseSelection(consumer)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), maxRealRun)
	defer cancel()
	plan := engine.Plan{Scenario: s, Consumer: selections[0], Backend: backend, Repeat: 1, Seed: seed}
	if dir := os.Getenv("STAMPEDE_SOAK_KEEP"); dir != "" {
		plan.KeepIn = filepath.Join(dir, backendName, s.Name, consumer, strconv.FormatUint(seed, 10))
	}
	o, err := engine.Run(ctx, plan)
	if err != nil {
		t.Fatal(err)
	}
	return &o.Run
}
