package soak_test

import (
	"os"
	"strconv"
	"testing"

	_ "github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/bench"
)

func TestMain(m *testing.M) { bench.Main(m) }

// honestDesigns are all designs but the controls.
func honestDesigns() (list []*harness.Implementation) {
	for _, i := range harness.Implementations() {
		if !i.Control() && !i.Mutant {
			list = append(list, i)
		}
	}
	return list
}

// soakExtent is how much a soak runs: a few seeds under the first protocol, or as many as
// STAMPEDE_SEEDS says under each protocol.
func soakExtent(t *testing.T, few int) (seeds int, protocols []harness.Protocol) {
	t.Helper()
	text := os.Getenv("STAMPEDE_SEEDS")
	if text == "" {
		return few, harness.Protocols[:1]
	}
	seeds, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("STAMPEDE_SEEDS: %q is not a number", text)
	}
	return seeds, harness.Protocols
}

// requirePass fails the test if a run did not pass.
func requirePass(t *testing.T, r *harness.Run, consumer string, seed uint64) {
	t.Helper()
	if r.Status != harness.Pass {
		t.Errorf("%s, seed %d: %s: %v\n%s", consumer, seed, r.Status, r.Reasons, trial.DescribeFailures(r))
	}
}
