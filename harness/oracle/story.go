package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

const (
	// neighbours is how far in seq from its record the attempts of a story may lie.
	neighbours = 2
	// laneMoments is how many moments of a lane a story keeps: those nearest to the anomaly.
	laneMoments = 8
)

// The lanes of a story that are not an incarnation's.
const (
	laneRecord  = "record"
	laneCommits = "commits"
	laneOwner   = "owner"
	laneFaults  = "faults"
)

// Tell replays src once more and writes the story of the first anomaly of each
// verdict that has one. It reads nothing if there is none to tell.
func Tell(f *Facts, src Source, verdicts []harness.Verdict) error {
	var told []*story
	for i := range verdicts {
		if len(verdicts[i].Examples) > 0 {
			told = append(told, newStory(f, &verdicts[i].Examples[0]))
		}
	}
	if len(told) == 0 {
		return nil
	}
	for {
		events, err := src.Next()
		if err != nil {
			return fmt.Errorf("tell: %w", err)
		}
		if len(events) == 0 {
			break
		}
		for i := range events {
			for _, s := range told {
				s.observe(&events[i])
			}
		}
	}
	for _, s := range told {
		s.end()
	}
	return nil
}

// story is what happened around one anomaly.
type story struct {
	facts   *Facts
	of      *harness.Anomaly
	places  []ledger.Position // where its record lies
	moments []harness.Moment
	faults  map[uint32]int // moments of the faults under way
}

func newStory(f *Facts, a *harness.Anomaly) *story {
	s := &story{facts: f, of: a, faults: map[uint32]int{}}
	s.places = append(s.places, ledger.Position{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset})
	if c := f.Log.copies[recordID(a.Key, a.Seq)]; c != nil {
		s.places = append(append(s.places, c.origin), c.hops...)
	}
	return s
}

func (s *story) observe(e *ledger.Event) {
	switch e.Edge {
	case ledger.EdgeSent, ledger.EdgeAcked, ledger.EdgeCustody, ledger.EdgeAcknowledged:
		s.record(e)
	case ledger.EdgeEnd:
		s.attempt(e)
	case ledger.EdgeCommit, ledger.EdgeOwned, ledger.EdgeReleased, ledger.EdgeRewound, ledger.EdgeRange:
		s.group(e)
	case ledger.EdgeInject, ledger.EdgeHeal, ledger.EdgeExpelled, ledger.EdgeUp, ledger.EdgeDown, ledger.EdgeTransaction:
		s.around(e)
	}
}

func (s *story) add(lane string, from, until time.Duration, format string, args ...any) {
	s.moments = append(s.moments, harness.Moment{At: from, Until: until, Lane: lane, Text: fmt.Sprintf(format, args...)})
}

// record tells what became of the record outside of the work.
func (s *story) record(e *ledger.Event) {
	if e.Edge == ledger.EdgeAcknowledged {
		if slices.Contains(s.places, e.Position()) {
			s.add(s.facts.name(e.Owner), e.At, 0, "answers %s for %v", ackName(e.Count), e.Position())
		}
		return
	}
	if e.Key != s.of.Key || e.Seq != s.of.Seq {
		return
	}
	switch e.Edge {
	case ledger.EdgeSent:
		s.add(laneRecord, e.Due, 0, "due")
		s.add(laneRecord, e.At, 0, "sent")
	case ledger.EdgeAcked:
		text := e.Outcome.String()
		if e.Outcome == ledger.OutcomeAcked {
			text += " at " + e.Position().String()
		}
		s.add(laneRecord, e.At, 0, "%s", text)
	case ledger.EdgeCustody:
		s.add(laneRecord, e.At, 0, "copied to %s, %v", s.facts.topic(e.Topic), e.Position())
	}
}

// attempt tells of the work on the record and on its neighbours of the same key.
func (s *story) attempt(e *ledger.Event) {
	if e.Key != s.of.Key || max(e.Seq, s.of.Seq)-min(e.Seq, s.of.Seq) > neighbours {
		return
	}
	what := e.Outcome.String()
	if e.Outcome == ledger.OutcomeOpen {
		what = "cut off"
	}
	s.add(s.facts.name(e.Owner), e.Start, e.At, "seq %d: %s", e.Seq, what)
	if e.Seq == s.of.Seq && e.At == s.of.At {
		s.moments[len(s.moments)-1].Bad = true
	}
}

// group tells of commits and owners of the partitions that the record lies in.
func (s *story) group(e *ledger.Event) {
	if !slices.ContainsFunc(s.places, func(p ledger.Position) bool { return p.Topic == e.Topic && p.Partition == e.Partition }) {
		return
	}
	where := ""
	if e.Topic > 0 {
		where = " of " + s.facts.topic(e.Topic)
	}
	who := s.facts.name(e.Owner)
	switch e.Edge {
	case ledger.EdgeCommit:
		text := fmt.Sprintf("%d%s by %s", e.Offset, where, who)
		if e.Outcome != ledger.OutcomeConfirmed {
			text += " (" + e.Outcome.String() + ")"
		}
		s.add(laneCommits, e.At, 0, "%s", text)
		if e.At == s.of.At {
			s.moments[len(s.moments)-1].Bad = true
		}
	case ledger.EdgeOwned:
		s.add(laneOwner, e.At, 0, "%s has it%s, generation %d%s", who, where, e.Generation, seen(e))
	case ledger.EdgeReleased:
		s.add(laneOwner, e.At, 0, "%s lost it%s%s", who, where, seen(e))
	case ledger.EdgeRewound:
		s.add(laneOwner, e.At, 0, "%s goes back to the commit%s", who, where)
	case ledger.EdgeRange:
		s.add(laneRecord, e.At, 0, "offsets %d to %d are set aside", e.Offset, e.To)
	}
}

// around tells of faults and of the pods' lives.
func (s *story) around(e *ledger.Event) {
	switch e.Edge {
	case ledger.EdgeInject:
		name := fmt.Sprintf("fault %d", e.Key+1)
		if int(e.Key) < len(s.facts.Faults) {
			name = s.facts.Faults[e.Key]
		}
		if e.Owner != 0 {
			name += " (" + s.facts.name(e.Owner) + ")"
		}
		s.faults[e.Key] = len(s.moments)
		s.add(laneFaults, e.At, 0, "%s", name)
	case ledger.EdgeHeal:
		if i, ok := s.faults[e.Key]; ok {
			s.moments[i].Until = e.At
		}
	case ledger.EdgeExpelled:
		s.add(laneOwner, e.At, 0, "the group drops %s%s", s.facts.name(e.Owner), seen(e))
	case ledger.EdgeUp:
		s.add(s.facts.name(e.Owner), e.At, 0, "up")
	case ledger.EdgeDown:
		s.add(s.facts.name(e.Owner), e.At, 0, "down")
	case ledger.EdgeTransaction:
		what := "commits its transaction"
		if e.Outcome != ledger.OutcomeConfirmed {
			what = "aborts its transaction"
		}
		s.add(s.facts.name(e.Owner), e.At, 0, "%s", what)
	}
}

// end keeps of each lane what lies nearest to the anomaly, in the order of time.
// Incarnations that had no part in it are left out.
func (s *story) end() {
	apart := func(m harness.Moment) time.Duration {
		until := m.At
		if m.Until != 0 {
			until = m.Until
		}
		return max(0, m.At-s.of.At, s.of.At-until)
	}
	part, kept := map[string]bool{laneRecord: true, laneCommits: true, laneOwner: true, laneFaults: true}, map[string]int{}
	for _, m := range s.moments {
		part[m.Lane] = part[m.Lane] || m.Text != "up" && m.Text != "down" || slices.Contains(s.of.Pods, m.Lane)
	}
	slices.SortStableFunc(s.moments, func(a, b harness.Moment) int { return cmp.Compare(apart(a), apart(b)) })
	for _, m := range s.moments {
		if part[m.Lane] && kept[m.Lane] < laneMoments {
			kept[m.Lane]++
			s.of.Story = append(s.of.Story, m)
		}
	}
	slices.SortStableFunc(s.of.Story, func(a, b harness.Moment) int { return cmp.Compare(a.At, b.At) })
}

// seen says how much later than its earliest time an event may have happened.
func seen(e *ledger.Event) string {
	if late := e.Seen - e.At; late >= time.Millisecond {
		return fmt.Sprintf(" (or up to %v later)", late.Round(time.Millisecond))
	}
	return ""
}

func ackName(a ledger.Ack) string {
	names := [...]string{ledger.AckGap: "gap", ledger.AckAccept: "accept", ledger.AckRelease: "release", ledger.AckReject: "reject", ledger.AckRenew: "renew"}
	if int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("ack(%d)", a)
}
