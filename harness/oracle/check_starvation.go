package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// starvedAfter is how long a key may wait before it is counted, where the scenario
// says nothing.
const starvedAfter = 5 * time.Second

var starvationEntry = entry{
	name: CheckStarvation, verdict: func(j *judgeState) harness.Verdict { return j.keyOrder.starvation.starvationVerdict() },
	heldTo: func(f *Facts) string {
		if limit := f.Thresholds.StarvedAfter; limit > 0 {
			return fmt.Sprintf("no key waits longer than %v while others pass it", limit)
		}
		return ""
	},
	leans: []string{LedgerComplete, NoPodStarved, ObserversKeptUp},
}

// starvation measures how long keys wait while the records behind theirs are worked
// on. A stretch of a partition of the source begins with each acquisition, loss
// and rewind of it by the run's group, and with the end of each fault. A record is
// passed when in the stretch under way a record of its partition first has an effect
// that lies at the next multiple of [passedEvery] or beyond.
//
// It sees each attempt that begins on a record of the source while none on its key
// is under way, and that record has been passed. The key has waited for it since
// the latest of: the end of the attempt before on the key; the moment at which the
// acquisition or loss was surely seen; and when the record was passed, in whole ms, rounded up. Longer than the limit is starved.
//
// The state is that of keyed, which feeds it.
type starvation struct {
	facts   *Facts
	limit   time.Duration
	parts   []stretch
	longest time.Duration
	by      uint32 // by is the key that waited longest
	found   findings
}

// stretch is the time in which a partition stays where it is.
type stretch struct {
	since  time.Duration // since is when its beginning was surely seen
	base   int           // base is the block of the first effect
	passed []uint32      // passed, by block from base on, is when an effect was first that far, in ms
}

// passedEvery is how many offsets share a moment at which they were passed.
const passedEvery = 16

func newStarvation(f *Facts) starvation {
	h := starvation{facts: f, limit: starvedAfter, parts: make([]stretch, f.Partitions)}
	if f.Thresholds.StarvedAfter > 0 {
		h.limit = f.Thresholds.StarvedAfter
	}
	return h
}

// resetStretches takes an event of owners and faults.
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

// trackPassed takes any effect.
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

// judgeWait takes an attempt that begins on a key of which nothing is under way.
func (h *starvation) judgeWait(k *keyState, e *ledger.Event) {
	p := &h.parts[e.Origin]
	next := max(0, int(e.Source/passedEvery)+1-p.base)
	if e.Topic != 0 || next >= len(p.passed) {
		return
	}
	from := max(time.Duration(p.passed[next])*time.Millisecond, k.lastEnd, p.since)
	wait := e.At - from
	if wait > h.longest {
		h.longest, h.by = wait, e.Key
	}
	if wait > h.limit {
		h.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(h.facts, e, "begun at %s by %s; nothing of its key was worked on since %s, while records behind it were", formatTime(e.At), h.facts.podName(e.Owner), formatTime(from))
		})
	}
}

func (h *starvation) starvationVerdict() harness.Verdict {
	detail := ""
	if h.longest > 0 {
		detail = fmt.Sprintf("the longest wait of a key while others passed it: %s, key %d; counted past %v", formatTime(h.longest), h.by, h.limit)
	}
	return h.found.toVerdict(detail)
}
