package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// part is a part of a track that has room for its own entries: the lines of a pod, or all else.
type part struct {
	track string
	line  bool
}

func (m *timelineEvent) part() part { return part{m.Track, m.kind == lineKind} }

// trackEntries is how many entries of a track a timeline keeps: those nearest to the anomaly. Marked entries
// are kept wherever they are.
const trackEntries = 8

// writeEntries writes the timeline into its anomaly: of each track the nearest entries, in the order of time
// and, at one time, of cause. It says how many entries it leaves out. Incarnations that took no part are left
// out.
func (t *timeline) writeEntries() {
	t.highlight()
	t.addFailedNeighbours()
	t.addLastWork()
	t.entries = slices.DeleteFunc(t.entries, t.isBystander())
	t.addLines()
	t.orderEntries()
	kept := t.nearestEntries()
	folds := map[part]int{} // by part, the entry that stands for what is left out since the last kept one
	for i, m := range t.entries {
		at, folding := folds[m.part()]
		switch {
		case kept[i]:
			delete(folds, m.part())
			t.anomaly.Timeline = append(t.anomaly.Timeline, m.TimelineEntry)
		case !folding: // one entry alone is no longer than the line that would stand for it
			folds[m.part()] = len(t.anomaly.Timeline)
			t.anomaly.Timeline = append(t.anomaly.Timeline, m.TimelineEntry)
		default:
			foldEntry(&t.anomaly.Timeline[at], &m)
		}
	}
}

// foldEntry makes a line stand for all entries up to a later one.
func foldEntry(line *harness.TimelineEntry, until *timelineEvent) {
	line.Omitted = max(1, line.Omitted) + 1
	line.Until = until.At
	switch {
	case line.Track == trackCommit:
		line.Text = fmt.Sprintf("... %d more commits, up to %d at %s", line.Omitted, until.place.Offset, formatTime(until.At))
	case until.kind == lineKind:
		line.Text = fmt.Sprintf("... %d more lines, until %s", line.Omitted, formatTime(until.At))
	default:
		line.Text = fmt.Sprintf("... %d more, until %s", line.Omitted, formatTime(until.At))
	}
}

// isBystander reports of an entry whether it is of an incarnation that only started and ended.
func (t *timeline) isBystander() func(timelineEvent) bool {
	takesPart := map[string]bool{trackRecord: true, trackCommit: true, trackOwner: true, trackFaults: true}
	for _, m := range t.entries {
		takesPart[m.Track] = takesPart[m.Track] || m.kind != ledger.EventUp && m.kind != ledger.EventDown || slices.Contains(t.anomaly.Pods, m.Track)
	}
	return func(m timelineEvent) bool { return !takesPart[m.Track] }
}

// nearestEntries are the entries of each track that lie nearest to the anomaly, and all marked ones, by index.
func (t *timeline) nearestEntries() map[int]bool {
	distance := func(i int) time.Duration {
		m := &t.entries[i]
		return max(0, m.At-t.anomaly.At, t.anomaly.At-max(m.At, m.Until))
	}
	order := make([]int, len(t.entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(distance(a), distance(b)) })
	kept, count := map[int]bool{}, map[part]int{}
	for _, i := range order {
		if m := &t.entries[i]; m.Bad || count[m.part()] < trackEntries {
			kept[i] = true
			count[m.part()]++
		}
	}
	return kept
}
