package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// trackEntries is how many moments of a lane a story keeps: those nearest to the
// anomaly, and what the anomaly is about wherever that is.
const trackEntries = 8

// writeEntries marks what the anomaly is about, and writes of each lane what lies nearest to
// it, in the order of time and, at one time, of cause. What it leaves out of a lane
// it says; incarnations that had no part in it are left out.
func (s *timeline) writeEntries() {
	s.highlight()
	s.entries = slices.DeleteFunc(s.entries, s.bystanders())
	slices.SortStableFunc(s.entries, func(a, b timelineEvent) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.edge, b.edge)) })
	kept := s.nearestEntries()
	gaps := map[string]int{} // by lane, the line of the story for what is left out since the last that is kept
	for i, m := range s.entries {
		at, going := gaps[m.Track]
		switch {
		case kept[i]:
			delete(gaps, m.Track)
			s.anomaly.Timeline = append(s.anomaly.Timeline, m.TimelineEntry)
		case !going: // if no other follows, there is no need to leave it out
			gaps[m.Track] = len(s.anomaly.Timeline)
			s.anomaly.Timeline = append(s.anomaly.Timeline, m.TimelineEntry)
		default:
			foldEntry(&s.anomaly.Timeline[at], &m)
		}
	}
}

// foldEntry makes of a line one that stands for all from its moment to a later one.
func foldEntry(line *harness.TimelineEntry, until *timelineEvent) {
	line.Omitted = max(1, line.Omitted) + 1
	line.Until = until.At
	switch line.Track {
	case trackCommitted:
		line.Text = fmt.Sprintf("... %d more commits, up to %d at %s", line.Omitted, until.place.Offset, formatTime(until.At))
	default:
		line.Text = fmt.Sprintf("... %d more, until %s", line.Omitted, formatTime(until.At))
	}
}

// bystanders tells the moments of incarnations that were there and no more.
func (s *timeline) bystanders() func(timelineEvent) bool {
	part := map[string]bool{trackRecord: true, trackCommitted: true, trackOwned: true, trackFaults: true}
	for _, m := range s.entries {
		part[m.Track] = part[m.Track] || m.Text != textUp && m.Text != textDown || slices.Contains(s.anomaly.Pods, m.Track)
	}
	return func(m timelineEvent) bool { return !part[m.Track] }
}

// nearestEntries are the moments of each lane that lie nearest to the anomaly, and all that
// are marked, by their places in s.moments.
func (s *timeline) nearestEntries() map[int]bool {
	far := func(i int) time.Duration {
		m := &s.entries[i]
		return max(0, m.At-s.anomaly.At, s.anomaly.At-max(m.At, m.Until))
	}
	order := make([]int, len(s.entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far(a), far(b)) })
	kept, of := map[int]bool{}, map[string]int{}
	for _, i := range order {
		if m := &s.entries[i]; m.Bad || of[m.Track] < trackEntries {
			kept[i] = true
			of[m.Track]++
		}
	}
	return kept
}
