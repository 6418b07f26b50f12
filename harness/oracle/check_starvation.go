package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckStarvation finds a key that waits longer than the limit while records behind its record are completed.
// The limit is the scenario's objective for starvation, or 5 s.
//
// A record is passed when a record of its partition has an effect at the next multiple of 16 offsets or beyond.
// A stretch of a partition begins with each acquisition, loss and rewind of it by the run's group, and with the
// end of each fault. Only effects in the same stretch pass a record.
//
// The check looks at each attempt that begins on a passed record of the source while no attempt on its key is
// in flight. The key waited since the latest of three times:
//   - the end of the previous attempt on the key
//   - the begin of the stretch, as it was surely seen
//   - when the record was passed, in whole ms, rounded up
const CheckStarvation = "starvation"

var _ = register(entry{
	name: CheckStarvation, gravity: limitsOverridden + 1,
	finds: "a key that waits while records 16 and more offsets behind it are completed",
	claim: "the objective starvation of the scenario; without it, waits of more than 5 s are counted and not judged",
	heldTo: func(f *Facts) string {
		if limit := f.Limits.StarvedAfter; limit > 0 {
			return fmt.Sprintf("no key waits longer than %v while others pass it", limit)
		}
		return ""
	},
	needs: []string{LedgerComplete, NoPodStarved, ObserversKeptUp}, marks: marksStart,
	verdict: func(s *judgeState) harness.Verdict { return s.keyOrder.starvation.starvationVerdict() },
})

// starvedAfter is how long a key may wait if the scenario sets no limit.
const starvedAfter = 5 * time.Second

// passedEvery is how many offsets share one time at which they were passed.
const passedEvery = 16

// starvation is fed by [keyOrder], which knows when the previous attempt on a key ended.
type starvation struct {
	facts    *Facts
	limit    time.Duration
	parts    []stretch // parts are by partition of the source.
	longest  time.Duration
	waitedBy uint32 // waitedBy is the key that waited longest.
	found    findings
}

// stretch is a time in which the ownership of a partition does not change.
type stretch struct {
	since  time.Duration // since is when its begin was surely seen.
	base   int           // base is the block of offsets of the first effect.
	passed []uint32      // passed is when an effect was first that far, in ms, by block from base on.
}

func newStarvation(f *Facts) starvation {
	h := starvation{facts: f, limit: starvedAfter, parts: make([]stretch, f.Partitions)}
	if f.Limits.StarvedAfter > 0 {
		h.limit = f.Limits.StarvedAfter
	}
	return h
}

// resetStretches begins a new stretch of all partitions after a fault, else of the event's partition.
func (h *starvation) resetStretches(e *ledger.Event) {
	switch {
	case e.Kind == ledger.EventHeal:
		for i := range h.parts {
			h.parts[i].passed = h.parts[i].passed[:0]
		}
	case e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < len(h.parts):
		p := &h.parts[e.Partition]
		p.since, p.passed = max(p.since, e.At, e.Seen), p.passed[:0]
	}
}

// trackPassed notes which records an effect passes.
func (h *starvation) trackPassed(e *ledger.Event) {
	p, block := &h.parts[e.Origin], int(e.Source/passedEvery)
	if len(p.passed) == 0 {
		p.base = block
	}
	if block >= p.base+len(p.passed) {
		now := uint32((e.At + time.Millisecond - 1) / time.Millisecond)
		for block >= p.base+len(p.passed) {
			p.passed = append(p.passed, now)
		}
	}
}

// judgeWait judges how long a key waited for an attempt that begins.
func (h *starvation) judgeWait(k *keyState, e *ledger.Event) {
	p := &h.parts[e.Origin]
	next := max(0, int(e.Source/passedEvery)+1-p.base)
	if e.Topic != 0 || next >= len(p.passed) {
		return
	}
	from := max(time.Duration(p.passed[next])*time.Millisecond, k.lastEnd, p.since)
	wait := e.At - from
	if wait > h.longest {
		h.longest, h.waitedBy = wait, e.Key
	}
	if wait > h.limit {
		h.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(h.facts, e, "begun at %s by %s; no pod worked on its key since %s, while records behind it were completed",
				formatTime(e.At), h.facts.podName(e.Owner), formatTime(from))
		})
	}
}

func (h *starvation) starvationVerdict() harness.Verdict {
	detail := ""
	if h.longest > 0 {
		detail = fmt.Sprintf("the longest wait of a key while other records passed it: %s, key %d; waits over %v are counted", formatTime(h.longest), h.waitedBy, h.limit)
	}
	return h.found.toVerdict(detail)
}
