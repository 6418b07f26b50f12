package oracle

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckRepeatRate finds effects that repeat a completed record without a fault. It counts them if they are more than
// one in ten of the completed records, and at least 20. It is the limit of a consumer that allows itself any repeats.
//
// A repeat counts unless one of these explains it:
//   - Another pod made the effect before it.
//   - Its partition of the source changed its owner, or the owner went back to the commit, since the effect before it.
//   - It ends in a fault window, as [CheckLivelock] defines it.
//   - A fault took effect or healed, or a pod ended, since the effect before it.
//   - An attempt of its own pod failed since the effect before it: some designs do a whole batch again.
//
// The effect before it is the latest one of the record, in whole tenths of a second, rounded down.
const CheckRepeatRate = "repeat rate"

var _ = register(entry{
	name: CheckRepeatRate, gravity: outcomesWrong + 6,
	finds:    "repeats of completed records without a fault, more than one in ten records",
	claim:    "at-least-once with any repeats",
	heldTo:   heldToRepeatRate,
	needs:    []string{LedgerComplete, NoPodStarved},
	newCheck: func(s *judgeState) check { return newRepeatRate(s.Facts) },
})

const (
	minRepeats      = 20 // so few are no rate
	recordsARepeat  = 10 // one repeat in so many records is the limit
	repeatTick      = 100 * time.Millisecond
	lastRepeatTicks = math.MaxUint16
)

func heldToRepeatRate(f *Facts) string {
	if f.Delivery != harness.AtLeastOnce || !f.Redelivery.AllowsAny() {
		return ""
	}
	return "at most one repeat in ten records without a fault"
}

// latestEffect is the latest effect of a record.
type latestEffect struct {
	tick  uint16 // tick is one more than its time, 0 without one.
	owner ledger.Owner
}

type repeatRate struct {
	facts     *Facts
	windows   *faultWindows
	last      []offsetSlice[latestEffect] // last is by partition and offset of the source.
	changed   []time.Duration             // changed is when an owner of the partition last came, went or went back.
	disrupted time.Duration               // disrupted is the latest begin or heal of a fault, or end of a pod.
	failed    []time.Duration             // failed is the latest failure of each owner.
	completed int64
	found     findings
}

func newRepeatRate(f *Facts) *repeatRate {
	return &repeatRate{
		facts: f, windows: newFaultWindows(f), last: make([]offsetSlice[latestEffect], f.Partitions), disrupted: -1,
		changed: slices.Repeat([]time.Duration{-1}, f.Partitions), failed: slices.Repeat([]time.Duration{-1}, len(f.Owners)),
	}
}

func (r *repeatRate) Observe(b *batch) {
	if heldToRepeatRate(r.facts) == "" {
		return
	}
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventStart:
		case ledger.EventEnd, ledger.EventCopied:
			switch {
			case isFailure(e) && int(e.Owner) < len(r.failed):
				r.failed[e.Owner] = e.At
			case isEffect(e) && e.Held:
				r.addEffect(e)
			}
		case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
			if e.Topic == 0 && !e.OwnGroup() && uint(e.Partition) < uint(len(r.changed)) {
				r.changed[e.Partition] = max(r.changed[e.Partition], e.At, e.Seen)
			}
		case ledger.EventInject, ledger.EventHeal, ledger.EventDown:
			r.windows.trackFault(e)
			r.disrupted = e.At
		}
	}
}

// addEffect counts an effect, if nothing explains that it repeats a record.
func (r *repeatRate) addEffect(e *ledger.Event) {
	place := r.last[e.Origin].placeAt(e.Source)
	before := *place
	*place = latestEffect{uint16(min(e.At/repeatTick+1, lastRepeatTicks)), e.Owner}
	if before.tick == 0 {
		r.completed++
		return
	}
	since := time.Duration(before.tick-1) * repeatTick
	failed := int(e.Owner) < len(r.failed) && r.failed[e.Owner] >= since
	if before.owner != e.Owner || r.changed[e.Origin] >= since || r.disrupted >= since || failed || r.windows.covers(e.At) {
		return
	}
	r.found.addAnomaly(func() harness.Anomaly {
		return anomalyOf(r.facts, e, "completed again at %s by %s, with no fault and no failure since %s", formatTime(e.At), r.facts.podName(e.Owner), formatTime(since))
	})
}

// Verdict counts the repeats if they are more than the limit.
func (r *repeatRate) Verdict() harness.Verdict {
	n := r.found.count
	if n < minRepeats || n*recordsARepeat <= r.completed {
		return harness.Verdict{}
	}
	return r.found.toVerdict(fmt.Sprintf("%d repeats without a fault of %d completed records", n, r.completed))
}
