package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckZombie finds an attempt on a partition that the pod had surely lost, and could know it:
//   - The group had expelled the member. The member could know it one heartbeat and 100 ms after observers saw
//     the expulsion. If a fault affected the member at that time, the same counts from the end of the fault.
//   - The group had revoked the partition or given it to another pod, and that pod has begun a record of the
//     partition.
//
// Records of a deferred range belong to no owner of the partition. Work on them is never a zombie.
// [CheckUnfencedWork] counts the work of an expelled member that could not know it.
const CheckZombie = "zombie"

var _ = register(entry{
	name: CheckZombie, gravity: outcomesWrong - 1, // before the duplicates that it explains
	finds:  "an attempt on a partition that its pod had surely lost, and could know it",
	claim:  "order by key or partition; at-least-once with bounded repeats, but not in share groups",
	heldTo: heldToOwnership, needs: []string{LedgerComplete, NoPodStarved, ObserversKeptUp}, marks: marksStart,
	verdict: func(s *judgeState) harness.Verdict { return s.fences.zombieVerdict() },
})

// heldToOwnership holds a consumer that claims an order, or that it repeats a record only after a rewind. Work without
// the partition breaks both: the next owner does it too.
func heldToOwnership(f *Facts) string {
	if f.Delivery == harness.AtLeastOnce && f.Order == harness.OrderNone && !f.Redelivery.AllowsAny() && !f.Share {
		return "repeats only after a rewind"
	}
	return heldToKeyOrder(f)
}

// reportExpelled notes an attempt of a member that the group expelled, and that knew it by a time.
func (f *fences) reportExpelled(e *ledger.Event, by *expulsion, knew time.Duration) {
	f.afterExpulsion++
	f.zombies.addAnomaly(func() harness.Anomaly {
		return anomalyOf(f.facts, e, "begun at %s by %s; the group had expelled it by %s, and it could know that by %s",
			formatTime(e.At), f.facts.podName(e.Owner), formatTime(by.seen), formatTime(knew))
	})
}

// reportRevoked notes an attempt of a pod that had lost the partition to the next owner.
func (f *fences) reportRevoked(e *ledger.Event, lost, next *ownershipInterval) {
	f.zombies.addAnomaly(func() harness.Anomaly {
		a := anomalyOf(f.facts, e, "begun at %s by %s, which had lost the partition by %s; %s had begun to work on it at %s",
			formatTime(e.At), f.facts.podName(e.Owner), formatTime(lost.until), f.facts.podName(next.owner), formatTime(next.begun))
		a.Pods = append(a.Pods, f.facts.podName(next.owner))
		return a
	})
}

func (f *fences) zombieVerdict() harness.Verdict {
	detail := ""
	if n := f.zombies.count; n > 0 {
		detail = fmt.Sprintf("%d attempts began after the group had expelled their pod and it could know that, %d after another pod had taken over",
			f.afterExpulsion, n-f.afterExpulsion)
	}
	return f.zombies.toVerdict(detail)
}
