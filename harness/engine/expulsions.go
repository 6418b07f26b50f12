package engine

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
)

// judgeExpulsions notes whom a group dropped without its consent, and breaks
// "pods fed" where no fault was the reason.
func (r *run) judgeExpulsions() error {
	incarnations, faults := r.fleet.Incarnations(), r.faults.outcomes()
	for _, x := range r.watcher.Expelled() {
		if x.Owner == 0 || int(x.Owner) > len(incarnations) {
			continue
		}
		in := &incarnations[x.Owner-1]
		if r.left(in, x.Seen) {
			continue
		}
		if !r.injected(x, faults) {
			why := "too little CPU for its heartbeats, most likely"
			if harness.IsVirtual(r.Backend) {
				why = "its own client kept its heartbeats back, for in virtual time CPU is never short"
			}
			r.doubt(podsFed, fmt.Sprintf("%s was expelled from the group about %v, and nobody struck it: %s",
				harness.ClientID(in.Pod, in.N), r.since(x.Seen).Round(time.Millisecond), why))
		}
		s := ledger.NewSlot(ledger.KindExpelled, x.Owner).With(ledger.OutcomeConfirmed)
		s.SetExpulsion(x.Group, x.Earliest, x.Seen)
		if err := r.observed.Append(s); err != nil {
			return err
		}
	}
	return nil
}

// left reports whether an incarnation was dead or had been told to stop by then,
// so that the group lost it as it should.
func (r *run) left(in *pod.Incarnation, by int64) bool {
	return in.Down != 0 && in.Down <= by || in.StopRequestedAt != 0 && in.StopRequestedAt <= by || r.stopAsked <= by
}

// injected reports whether a fault can be why the group dropped a member: it
// struck that incarnation before, and had not been over for so long that the
// member must have been back.
func (r *run) injected(x observe.Expulsion, faults []outcome) bool {
	grace := r.cfg.Heartbeat + r.cfg.Session
	for _, o := range faults {
		if o.owner == x.Owner && r.since(x.Seen) >= o.injected && (o.healed == harness.Never || r.since(x.Member) <= o.healed+grace) {
			return true
		}
	}
	return false
}

// struck is the incarnation of a pod at a time, ns on CLOCK_MONOTONIC, 0 for none.
func struck(incarnations []pod.Incarnation, name string, at int64) (owner ledger.Owner) {
	for i := range incarnations {
		if in := &incarnations[i]; in.Pod == name && in.Up <= at {
			owner = in.Owner
		}
	}
	return owner
}
