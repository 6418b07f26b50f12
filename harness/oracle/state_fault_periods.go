package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// faultWindows are the times in which a fault, or the end of a pod, may make records repeat and a group
// rebalance: while a fault lasts, and for [Facts.settleAfter] after its begin, its heal and the end of a pod. The
// faults that name no pod and no partition do not last.
type faultWindows struct {
	facts *Facts
	open  map[uint32]bool // open are the faults that last, by number.
	until time.Duration   // until is when the latest window ends, if no fault lasts.
}

func newFaultWindows(f *Facts) *faultWindows {
	return &faultWindows{facts: f, open: map[uint32]bool{}, until: -1}
}

// trackFault notes an event that opens or ends a window.
func (w *faultWindows) trackFault(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventInject:
		if e.Partition >= 0 {
			w.open[e.Fault()] = true
		}
	case ledger.EventHeal:
		delete(w.open, e.Fault())
	case ledger.EventDown:
	default:
		return
	}
	w.until = max(w.until, e.At+w.facts.settleAfter())
}

// covers reports whether the present time lies in a window.
func (w *faultWindows) covers(now time.Duration) bool { return len(w.open) > 0 || now <= w.until }

// settleAfter is how long a group may take to be as it was before a fault: a session until it expels a member,
// two more for a rebalance that waits for all, and a heartbeat.
func (f *Facts) settleAfter() time.Duration { return 3*f.Session + f.Heartbeat }
