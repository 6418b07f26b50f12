//go:build synctests

package engine_test

import (
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// Members that have nothing to commit find the new coordinator too. So the group expels none of them
// while the old one is dead for longer than a session.
func TestIdleMembersOutliveTheirCoordinator(t *testing.T) {
	byProtocol(t, func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 0.05, For: 60 * time.Second}
		s.Injections = []harness.Injection{{Fault: fault.KillBroker{Of: fault.GroupCoordinator}, At: 22 * time.Second, HealAfter: 10 * time.Second}}
	}, func(t *testing.T, r *harness.Run) {
		if r.Status != harness.Pass || r.Rebalances > 0 {
			t.Errorf("%s: %v; %d rebalances", r.Status, r.Reasons, r.Rebalances)
		}
	})
}
