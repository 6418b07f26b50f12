package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

// writeExpulsions journals which members the group has expelled. A member that left by
// itself was not expelled. An expulsion that no fault explains breaks [oracle.NoPodStarved].
// In virtual time it is the consumer's own fault: time never lacks CPU there.
func (e *evidence) writeExpulsions() error {
	incarnations, faults := e.fleet.Incarnations(), e.course.load.faults.injectedFaults()
	for _, x := range e.watcher.Expelled() {
		if x.Owner == 0 || int(x.Owner) > len(incarnations) {
			continue
		}
		in := &incarnations[x.Owner-1]
		if hasLeft(in, x.Seen) || e.leftToEnd(in, x.Seen) || e.course.stop.requestedAt <= x.Seen || e.leftByItself(x) {
			continue
		}
		if !e.isExplained(x, e.course.load.time, faults) {
			e.noteUnexplained(x, harness.ClientID(in.Pod, in.N), faults)
		}
		slot := ledger.NewSlot(ledger.KindExpelled, x.Owner).With(ledger.OutcomeConfirmed)
		slot.SetExpulsion(x.Group, x.Earliest, x.Seen)
		if err := e.observed.Append(slot); err != nil {
			return err
		}
	}
	return nil
}

// noteUnexplained notes an expulsion that no fault of its pod explains.
func (e *evidence) noteUnexplained(x observe.Expulsion, name string, faults []injectedFault) {
	at := e.course.load.time.sinceStart(x.Seen)
	if harness.IsVirtual(e.Backend) && !e.mayBeAffected(at, faults) {
		e.incidents.recordExpulsion(harness.Anomaly{
			Text: fmt.Sprintf("was expelled from the group at about %v, and no fault affected it: its own client sent no heartbeats, or kept a rebalance waiting, because virtual time never lacks CPU", at.Round(time.Millisecond)),
			Pods: []string{name}, At: at,
		})
		return
	}
	e.incidents.breakAssumption(oracle.NoPodStarved, fmt.Sprintf("%s was expelled from the group at about %v, and no fault affected it: most likely its heartbeats got too little CPU",
		name, at.Round(time.Millisecond)))
}

// mayBeAffected reports whether a fault that affects no pod in particular may have caused an
// expulsion at a time.
func (e *evidence) mayBeAffected(at time.Duration, faults []injectedFault) bool {
	grace := e.cfg.Heartbeat + e.cfg.Session
	return slices.ContainsFunc(faults, func(o injectedFault) bool {
		return o.owner == 0 && !o.target.None && at >= o.injected && (o.healed == harness.Never || at <= o.healed+grace)
	})
}

// leftByItself reports whether a member that was gone had asked for that.
func (e *evidence) leftByItself(x observe.Expulsion) bool {
	return slices.ContainsFunc(e.watcher.Left(), func(d observe.Departure) bool {
		return d.Explains(x, e.cfg.Session)
	})
}

// hasLeft reports whether an incarnation had ended by a time, or had been asked to stop. One that
// may end since the group fences it was no member before it ended.
func hasLeft(in *pod.Incarnation, by int64) bool {
	return in.Down != 0 && in.Down <= by && !in.EndAllowed || in.StopRequestedAt != 0 && in.StopRequestedAt <= by
}

// leftToEnd reports whether an incarnation ended by itself within a session after it was
// no member any more: a consumer that returns leaves its group first. No observer sees
// whether a member left or was expelled. [oracle.CheckPodLiveness] names such a pod.
func (e *evidence) leftToEnd(in *pod.Incarnation, seen int64) bool {
	return in.Down >= seen && in.Down-seen <= int64(e.cfg.Session) &&
		slices.ContainsFunc(e.incidents.podExits(), func(x pod.Incarnation) bool { return x.Owner == in.Owner })
}

// isExplained reports whether a fault explains an expulsion. The fault affected the
// incarnation before, or may have kept its heartbeats from the broker, and ended so late that the member need not be back yet.
func (e *evidence) isExplained(x observe.Expulsion, t loadClock, faults []injectedFault) bool {
	grace := e.cfg.Heartbeat + e.cfg.Session
	for _, o := range faults {
		if (o.owner == x.Owner || o.target.Silent) && t.sinceStart(x.Seen) >= o.injected && (o.healed == harness.Never || t.sinceStart(x.Member) <= o.healed+grace) {
			return true
		}
	}
	return false
}
