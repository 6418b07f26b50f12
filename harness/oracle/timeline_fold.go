package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// subject is what entries of a timeline are about. Those of one subject follow each other, whatever stands between.
type subject struct {
	track     string
	line      bool
	topic     uint16
	partition int32
}

func (m *timelineEvent) about() subject {
	if m.kind == lineKind {
		return subject{track: m.Track, line: true}
	}
	return subject{track: m.Track, topic: m.place.Topic, partition: m.place.Partition}
}

// orderEntries puts the entries in the order of time and, at one time, of cause. Entries that say the same become one,
// with their number.
func (t *timeline) orderEntries() {
	t.entries = joinEqual(t.entries)
	slices.SortStableFunc(t.entries, func(a, b timelineEvent) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.kind, b.kind)) })
	t.entries = foldRepeated(t.entries)
	for i := range t.entries {
		if m := &t.entries[i]; m.times > 1 && m.kind != ledger.EventOwned {
			m.Text += fmt.Sprintf(" (%d times)", m.times)
		}
	}
}

// joinEqual makes one entry of those that say the same of one time.
func joinEqual(entries []timelineEvent) (joined []timelineEvent) {
	first := map[harness.TimelineEntry]int{}
	for _, m := range entries {
		k := m.TimelineEntry
		k.Bad = false
		i, again := first[k]
		if !again {
			i = len(joined)
			first[k] = i
			joined = append(joined, m)
		}
		joined[i].Bad = joined[i].Bad || m.Bad
		joined[i].times++
	}
	return joined
}

// foldRepeated makes one entry of those that follow each other and say the same: equal commits, equal lines, and
// generations in which a partition kept its owner. Marked entries stay alone.
func foldRepeated(entries []timelineEvent) (folded []timelineEvent) {
	last := map[subject]int{}
	for _, m := range entries {
		if m.kind == ledger.EventExpelled { // what follows is of another membership
			clear(last)
		}
		i, ok := last[m.about()]
		if ok && m.saying != "" && folded[i].saying == m.saying && !m.Bad && !folded[i].Bad {
			folded[i].absorb(&m)
			continue
		}
		last[m.about()] = len(folded)
		folded = append(folded, m)
	}
	return folded
}

// absorb makes an entry stand for a later one too.
func (m *timelineEvent) absorb(later *timelineEvent) {
	m.times += later.times
	m.Until = max(later.At, later.Until)
	if m.kind == ledger.EventOwned && later.generation != m.generation {
		m.Text = fmt.Sprintf("%s, generations %d to %d", m.saying, m.generation, later.generation)
	}
}
