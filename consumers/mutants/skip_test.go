package mutants_test

import (
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// With a limit that every pod is past at all times, ranges are recorded and worked off
// through kills, pauses, joins and leaves.
func TestSkipCompensateLosesNothingInChaos(t *testing.T) {
	for _, p := range harness.Protocols {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(8) {
				s := chaos(seed + 1)
				s.Load.Pacer = load.Constant{Rate: 200, For: 15e9}
				if r := play(t, "virtual", s, "skip-compensate@"+string(p)+"?lag=5&workers=1&window=20", seed+1); r.Status != harness.Pass {
					t.Errorf("seed %d: %s: %v\n%s", seed+1, r.Status, r.Reasons, firsts(r))
				}
			}
		})
	}
}
