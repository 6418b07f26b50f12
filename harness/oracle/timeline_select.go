package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// laneMoments is how many moments of a lane a story keeps: those nearest to the
// anomaly, and what the anomaly is about wherever that is.
const laneMoments = 8

// end marks what the anomaly is about, and writes of each lane what lies nearest to
// it, in the order of time and, at one time, of cause. What it leaves out of a lane
// it says; incarnations that had no part in it are left out.
func (s *story) end() {
	s.mark()
	s.moments = slices.DeleteFunc(s.moments, s.apart())
	slices.SortStableFunc(s.moments, func(a, b told) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.edge, b.edge)) })
	kept := s.nearest()
	gaps := map[string]int{} // by lane, the line of the story for what is left out since the last that is kept
	for i, m := range s.moments {
		at, going := gaps[m.Track]
		switch {
		case kept[i]:
			delete(gaps, m.Track)
			s.of.Timeline = append(s.of.Timeline, m.TimelineEntry)
		case !going: // if no other follows, there is no need to leave it out
			gaps[m.Track] = len(s.of.Timeline)
			s.of.Timeline = append(s.of.Timeline, m.TimelineEntry)
		default:
			leaveOut(&s.of.Timeline[at], &m)
		}
	}
}

// leaveOut makes of a line one that stands for all from its moment to a later one.
func leaveOut(line *harness.TimelineEntry, until *told) {
	line.Omitted = max(1, line.Omitted) + 1
	line.Until = until.At
	switch line.Track {
	case laneCommits:
		line.Text = fmt.Sprintf("... %d more commits, up to %d at %s", line.Omitted, until.place.Offset, moment(until.At))
	default:
		line.Text = fmt.Sprintf("... %d more, until %s", line.Omitted, moment(until.At))
	}
}

// apart tells the moments of incarnations that were there and no more.
func (s *story) apart() func(told) bool {
	part := map[string]bool{laneRecord: true, laneCommits: true, laneOwner: true, laneFaults: true}
	for _, m := range s.moments {
		part[m.Track] = part[m.Track] || m.Text != textUp && m.Text != textDown || slices.Contains(s.of.Pods, m.Track)
	}
	return func(m told) bool { return !part[m.Track] }
}

// nearest are the moments of each lane that lie nearest to the anomaly, and all that
// are marked, by their places in s.moments.
func (s *story) nearest() map[int]bool {
	far := func(i int) time.Duration {
		m := &s.moments[i]
		return max(0, m.At-s.of.At, s.of.At-max(m.At, m.Until))
	}
	order := make([]int, len(s.moments))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far(a), far(b)) })
	kept, of := map[int]bool{}, map[string]int{}
	for _, i := range order {
		if m := &s.moments[i]; m.Bad || of[m.Track] < laneMoments {
			kept[i] = true
			of[m.Track]++
		}
	}
	return kept
}
