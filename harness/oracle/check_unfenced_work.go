package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckUnfencedWork counts attempts that ran on after the group had expelled their pod, if the member could not
// know it when they began. No consumer can prevent them without a fence (KIP-98, KIP-447) at the place of the
// effect. The checks of order leave such attempts out.
const CheckUnfencedWork = "unfenced work"

var _ = register(entry{
	name: CheckUnfencedWork, gravity: designCosts + 3,
	finds:   "work of an expelled pod that could not know of its expulsion when the work began",
	claim:   "not judged",
	verdict: func(s *judgeState) harness.Verdict { return s.fences.unfencedVerdict() },
})

// reportUnfenced notes an attempt that ended after the group had expelled its pod.
func (f *fences) reportUnfenced(e *ledger.Event, by *expulsion) {
	f.unfencedWork.addAnomaly(func() harness.Anomaly {
		return anomalyOf(f.facts, e, "%s worked on it from %s to %s (%s); the group had expelled it by %s",
			f.facts.podName(e.Owner), formatTime(e.Start), formatTime(e.At), e.Outcome, formatTime(by.seen))
	})
}

func (f *fences) unfencedVerdict() harness.Verdict {
	detail := ""
	if n := f.unfencedWork.count; n > 0 {
		detail = fmt.Sprintf("%d attempts ran on after the group had expelled their pod, which could not know that when they began", n)
	}
	return f.unfencedWork.toVerdict(detail)
}
