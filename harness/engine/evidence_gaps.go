package engine

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// checkObserversKeptUp breaks [oracle.ObserversKeptUp] if the observer saw nothing of the group
// for longer than a session. The group that a share group's coordinator keeps is out of sight
// while a fault stops that broker, or cuts it off from its clients: no member reaches it either.
// So the time of such a fault does not count.
func (e *evidence) checkObserversKeptUp() {
	since, faults := e.course.load.time.sinceStart, e.course.load.faults.injectedFaults()
	for _, g := range e.watcher.Gaps() {
		blind := time.Duration(g.To-g.From) - brokerFaultTime(since(g.From), since(g.To), faults)
		if blind > e.cfg.Session {
			e.incidents.breakAssumption(oracle.ObserversKeptUp, fmt.Sprintf("the group was not observed for %v, more than %v",
				blind.Round(time.Millisecond), e.cfg.Session))
			return
		}
	}
}

// brokerFaultTime is how long a fault of a broker lasted between two times. The faults are in the
// order in which they were injected.
func brokerFaultTime(from, to time.Duration, faults []injectedFault) (covered time.Duration) {
	for _, f := range faults {
		if len(f.target.Nodes) == 0 {
			continue
		}
		until := to
		if f.healed != harness.Never {
			until = min(to, f.healed)
		}
		if began := max(from, f.injected); until > began {
			covered, from = covered+until-began, until
		}
	}
	return covered
}
