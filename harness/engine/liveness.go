package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/stampede-bench/stampede/harness/pod"
)

const heldToLiveness = "running as a member of the group until asked to stop"

// checkLiveness decides [oracle.CheckPodLiveness], the one check that no journal can
// decide. The name and the definition of the check are with those of all others in package
// oracle. The check fails for each of these:
//   - A pod ended by itself.
//   - A pod did not stop in time when it was asked to, and was killed.
//   - A pod ran outside its group up to the end of the drain, see findDropouts.
//   - The group expelled a pod in virtual time, and no fault caused that. If the consumer
//     allows itself any repeats, it is a warning.
//   - A pod spins in virtual time: see [Spin].
func (c *conclusion) checkLiveness() harness.Verdict {
	var found livenessFindings
	for _, in := range c.incidents.podExits() {
		found.certain = append(found.certain, harness.Anomaly{
			Text: describeExit(&in),
			Pods: []string{harness.ClientID(in.Pod, in.N)}, At: c.course.load.time.sinceStart(in.Down),
		})
	}
	found.late = slices.Clone(c.course.stop.dropouts)
	unresponsive := func(name string, requestedAt int64) {
		a := harness.Anomaly{
			Text: fmt.Sprintf("did not stop within %v of the request, and was killed", c.cfg.RevokeTimeout+pod.StopGrace),
			Pods: []string{name}, At: c.course.load.time.sinceStart(requestedAt),
		}
		if c.isHalted(name) {
			a.Text = "was halted by a signal that the harness did not send, as SIGSTOP: " + a.Text
			found.certain = append(found.certain, a)
			return
		}
		found.late = append(found.late, a)
	}
	for _, in := range c.fleet.Incarnations() {
		if in.Unresponsive {
			unresponsive(harness.ClientID(in.Pod, in.N), in.StopRequestedAt)
		}
	}
	for _, name := range c.course.stop.unresponsive {
		unresponsive(name, c.course.stop.requestedAt)
	}
	return c.addExpulsions(found.toVerdict(c.incidents.brokenAssumptions()[oracle.NoPodStarved]))
}

// livenessFindings are what pods did wrong, apart from expulsions.
type livenessFindings struct {
	certain []harness.Anomaly
	late    []harness.Anomaly // late are what a pod does too that gets no processor: it does not stop, or join, in time.
}

// toVerdict is the verdict. starved says why [oracle.NoPodStarved] is broken, "" if it holds.
func (f livenessFindings) toVerdict(starved string) harness.Verdict {
	v := harness.Verdict{Check: oracle.CheckPodLiveness, HeldTo: heldToLiveness, Status: harness.Pass, Examples: append(f.certain, f.late...)}
	v.Count = int64(len(v.Examples))
	switch {
	case v.Count > 0 && len(f.certain) == 0 && starved != "":
		v.Status, v.Detail = harness.Inconclusive, oracle.NoPodStarved+": "+starved
	case v.Count > 0:
		v.Status = harness.Fail
	}
	return v
}

// addExpulsions adds the expulsions that are the consumer's own fault.
func (c *conclusion) addExpulsions(v harness.Verdict) harness.Verdict {
	own := c.incidents.ownExpulsions()
	if len(own) == 0 {
		return v
	}
	if v.Status = harness.Fail; v.Count == 0 && c.Consumer.Implementation.Redelivery.AllowsAny() {
		v.Status = harness.Warning
	}
	v.Count += int64(len(own))
	v.Examples = append(v.Examples, own[:min(len(own), maxOwnExpulsions)]...)
	return v
}

// maxOwnExpulsions is how many expulsions the verdict describes.
const maxOwnExpulsions = 5

// isHalted reports whether a signal kept an incarnation, or one of the pod, from stopping.
func (c *conclusion) isHalted(name string) bool {
	return slices.ContainsFunc(c.fleet.Incarnations(), func(in pod.Incarnation) bool {
		return in.Halted && (in.Pod == name || harness.ClientID(in.Pod, in.N) == name)
	})
}

// findDropouts finds the pods that run at the end of the drain and are no members of their
// group any more. A pod that still tries to join is a member again within the rebalance timeout and
// [settleTime]. Time during which a fault affects the pod does not count, and neither does time
// up to its last effect: a client that holds rebalances off joins again after its batch. The
// other pods take over the work of a dropout, so no other check shows it.
func findDropouts(s *setup, c *course) (list []harness.Anomaly) {
	if !c.group.formed {
		return nil
	}
	now, members, expelledAt := s.clock.Now(), s.watcher.Joined(), map[ledger.Owner]int64{}
	for _, x := range s.watcher.Expelled() {
		if x.Group == 0 {
			expelledAt[x.Owner] = max(expelledAt[x.Owner], x.Seen)
		}
	}
	for _, in := range s.fleet.Incarnations() {
		if in.Down != 0 || in.StopRequestedAt != 0 || members[in.Owner] {
			continue
		}
		since := max(in.Up, expelledAt[in.Owner], c.load.affectedUntil(in.Owner), s.work.lastEndOf(in.Owner))
		if now-since > int64(max(s.cfg.Session, s.cfg.Rebalance)+settleTime) {
			list = append(list, harness.Anomaly{
				Text: fmt.Sprintf("runs, and has not been a member of its group for %v", time.Duration(now-since).Round(time.Millisecond)),
				Pods: []string{harness.ClientID(in.Pod, in.N)}, At: c.load.time.sinceStart(since),
			})
		}
	}
	return list
}

// affectedUntil is the end of the last fault that affected an incarnation, or no pod in
// particular, ns on CLOCK_MONOTONIC. It is now if such a fault lasts.
func (l *sentLoad) affectedUntil(owner ledger.Owner) (at int64) {
	for _, o := range l.faults.injectedFaults() {
		switch {
		case o.owner != 0 && o.owner != owner || o.target.None:
		case o.healed == harness.Never:
			return l.time.Now()
		default:
			at = max(at, l.time.start+int64(o.healed))
		}
	}
	return at
}

// describeExit says why a pod ended by itself, and below that what it had printed.
func describeExit(in *pod.Incarnation) string {
	text := "ended by itself: " + in.Cause
	if printed := in.Excerpt(pod.ReportSize); printed != "" {
		text += "\nIts output:\n" + printed
	}
	return text
}
