package soak_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/consumers/internal/trial"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
)

// halfOpen is a scenario in which the connections of one pod are dead for a while, and no side
// gets an error.
func halfOpen(lasts time.Duration) harness.Scenario {
	return trial.NewScenario(fmt.Sprintf("half-open-%d", lasts.Milliseconds()), "the connections of one pod are dead, and no side gets an error", func(s *harness.Scenario) {
		s.Load.Pacer = load.Constant{Rate: 300, For: 8 * time.Second}
		s.Service = load.Fixed(100 * time.Millisecond)
		s.Load.Keys = load.Uniform{N: 400}
		s.Pods, s.Partitions, s.Window, s.Drain = 3, 6, 500, 3*time.Minute
		s.Injections = []harness.Injection{{Fault: fault.CutNetwork{Of: fault.OnePod, HalfOpen: true}, At: trial.FaultAt, HealAfter: lasts}}
	})
}

// A member that gets no answer from its group stops its work when its session is over, since
// the group may have expelled it.
func TestHalfOpenNetworkBreaksNoClaim(t *testing.T) {
	_, protocols := soakExtent(t, 1)
	lengths := []time.Duration{6 * time.Second}
	if len(protocols) > 1 {
		lengths = append(lengths, time.Second, 3500*time.Millisecond) // shorter than a session, and a little longer
	}
	for _, i := range honestDesigns() {
		for _, p := range protocols {
			if i.Share && p != protocols[0] {
				continue
			}
			name := i.Name + "@" + string(p)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, lasts := range lengths {
					s := halfOpen(lasts)
					requirePass(t, trial.RunVirtual(t, s, name, 1), s.Name+"/"+name, 1)
				}
			})
		}
	}
}
