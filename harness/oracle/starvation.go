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
	name: "starvation", make: func(f *Facts) Check {
		return &view{name: "starvation", verdict: func() harness.Verdict { return f.byKey().hunger.verdict() }}
	},
	heldTo: func(f *Facts) string {
		if limit := f.Thresholds.StarvedAfter; limit > 0 {
			return fmt.Sprintf("no key waits longer than %v while others pass it", limit)
		}
		return ""
	},
	leans: []string{LedgerComplete, PodsFed, ObserversKeptUp},
}

// hunger measures how long keys wait while the records behind theirs are worked
// on. It sees each attempt that begins on a record of the source while none on its
// key is under way. The key has waited for it since the latest of: the end of the
// attempt before on the key; the last moment of the latest acquisition, loss or
// rewind of the partition by the run's group; the end of the latest fault; and when the
// record was passed, which is when a record of its partition first had an effect
// that lies at the next multiple of [passedEvery] or beyond, in whole ms, rounded up.
// A record that was not passed has not waited. Longer than the limit is starved.
//
// The state is that of keyed, which feeds it.
type hunger struct {
	facts   *Facts
	limit   time.Duration
	since   []time.Duration // since is when the latest owner of a partition surely had it
	healed  time.Duration
	passed  [][]uint32 // by partition and block of passedEvery offsets: when an effect was first that far, ms
	longest time.Duration
	by      uint32 // by is the key that waited longest
	found   findings
}

// passedEvery is how many offsets share a moment at which they were passed.
const passedEvery = 16

func newHunger(f *Facts) hunger {
	h := hunger{facts: f, limit: starvedAfter, since: make([]time.Duration, f.Partitions), passed: make([][]uint32, f.Partitions)}
	if f.Thresholds.StarvedAfter > 0 {
		h.limit = f.Thresholds.StarvedAfter
	}
	return h
}

// group takes an event of owners and faults.
func (h *hunger) group(e *ledger.Event) {
	switch {
	case e.Edge == ledger.EdgeHeal:
		h.healed = e.At
	case e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < len(h.since):
		h.since[e.Partition] = max(h.since[e.Partition], e.At, e.Seen)
	}
}

// effect takes a first effect.
func (h *hunger) effect(e *ledger.Event) {
	list := h.passed[e.Origin]
	if block := int(e.Source / passedEvery); block >= len(list) {
		now := uint32((e.At + time.Millisecond - 1) / time.Millisecond)
		for len(list) <= block {
			list = append(list, now)
		}
		h.passed[e.Origin] = list
	}
}

// start takes an attempt that begins on a key of which nothing is under way.
func (h *hunger) start(k *keyState, e *ledger.Event) {
	next := int(e.Source/passedEvery) + 1
	if e.Topic != 0 || next >= len(h.passed[e.Origin]) {
		return
	}
	passed := time.Duration(h.passed[e.Origin][next]) * time.Millisecond
	from := max(passed, k.quiet, h.since[e.Origin], h.healed)
	wait := e.At - from
	if wait > h.longest {
		h.longest, h.by = wait, e.Key
	}
	if wait > h.limit {
		h.found.add(func() harness.Anomaly {
			return anomaly(h.facts, e, "begun at %s by %s; nothing of its key was worked on since %s, while records behind it were", at(e.At), h.facts.name(e.Owner), at(from))
		})
	}
}

func (h *hunger) verdict() harness.Verdict {
	detail := ""
	if h.longest > 0 {
		detail = fmt.Sprintf("the longest wait of a key while others passed it: %s, key %d; counted past %v", at(h.longest), h.by, h.limit)
	}
	return h.found.verdict(detail)
}
