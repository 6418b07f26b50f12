//go:build synctests

package engine_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/load"
)

// That the producer was late only the replay shows. It slows every key down, and the
// blast radius leans on it: what that finds is nobody's fault. The ledger says so too.
func TestALateProducerIsNoBlastRadius(t *testing.T) {
	p := calmPlan(t, "", func(s *harness.Scenario) {
		s.Load.Pacer = stuck{s.Load.Pacer.(load.Constant)}
		s.Load.Keys = load.Hot{Share: 0.1, Hot: 1, Others: 1000}
		s.Thresholds.OthersP99 = 500 * time.Millisecond
	})
	p.KeepIn = filepath.Join(t.TempDir(), "kept")
	r := inBubble(t, p, nil)
	i := slices.IndexFunc(r.Verdicts, func(v harness.Verdict) bool { return v.Check == "blast radius" })
	if v := r.Verdicts[i]; v.Count == 0 || v.Status != harness.Inconclusive || r.Status != harness.Inconclusive {
		t.Errorf("the run is %s: %v; blast radius is %s with %d: %s", r.Status, r.Reasons, v.Status, v.Count, v.Detail)
	}
	judgedAgain(t, p.KeepIn, r.Verdicts)
}
