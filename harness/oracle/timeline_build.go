package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// neighbours is how far in seq from its record the attempts of a story may lie.
const neighbours = 2

// The lanes of a story that are not an incarnation's.
const (
	laneRecord  = "record"
	laneCommits = "commits"
	laneOwner   = "owner"
	laneFaults  = "faults"
)

// What a story tells of the life of an incarnation.
const textUp, textDown = "up", "down"

// Tell replays src once more and writes the story of the first anomaly of each
// verdict that has one, and into each loss whose commit was ahead of the work. It
// reads nothing if there is none to tell.
func Tell(f *Facts, src Source, verdicts []harness.Verdict) error {
	var stories []*story
	var to blame
	for i := range verdicts {
		v := &verdicts[i]
		if len(v.Examples) > 0 {
			stories = append(stories, newStory(f, v.Check, &v.Examples[0]))
		}
		if v.Check == lossEntry.name {
			to.find(f, v.Examples)
		}
	}
	if len(stories) == 0 {
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
			to.observe(&events[i])
			for _, s := range stories {
				s.observe(&events[i])
			}
		}
	}
	to.name(f)
	for _, s := range stories {
		s.end()
	}
	return nil
}

// story is what happened around one anomaly.
type story struct {
	facts   *Facts
	check   string
	of      *harness.Anomaly
	places  []ledger.Position // where its record lies
	moments []told
	faults  map[uint32]int // moments of the faults under way
}

// told is a moment of a story with what it is known by.
type told struct {
	harness.TimelineEntry
	edge    ledger.EventKind // edge is what it begins with: of moments at one time that of the cause is less
	owner   ledger.Owner
	place   ledger.Position // place of the record, or of the commit
	seq     uint32
	outcome ledger.Outcome
}

func newStory(f *Facts, check string, a *harness.Anomaly) *story {
	return &story{facts: f, check: check, of: a, places: places(f, a), faults: map[uint32]int{}}
}

// places are where the record of an anomaly lies, its own position first.
func places(f *Facts, a *harness.Anomaly) []ledger.Position {
	all := []ledger.Position{{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset}}
	if c := f.Log.copies[recordID(a.Key, a.Seq)]; c != nil {
		all = append(append(all, c.origin), c.hops...)
	}
	return all
}

func (s *story) observe(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventSent, ledger.EventAcked, ledger.EventCopied, ledger.EventAcknowledged:
		s.record(e)
	case ledger.EventEnd:
		s.attempt(e)
	case ledger.EventCommit, ledger.EventOwned, ledger.EventReleased, ledger.EventRewound, ledger.EventDeferred:
		s.group(e)
	case ledger.EventInject, ledger.EventHeal, ledger.EventExpelled, ledger.EventUp, ledger.EventDown, ledger.EventTransaction:
		s.around(e)
	}
}

// add adds what an event tells.
func (s *story) add(e *ledger.Event, lane string, from, until time.Duration, format string, args ...any) {
	m := told{
		TimelineEntry: harness.TimelineEntry{At: from, Until: until, Track: lane, Text: fmt.Sprintf(format, args...)},
		edge:          e.Kind, owner: e.Owner, place: e.Position(), seq: e.Seq, outcome: e.Outcome,
	}
	if e.Kind == ledger.EventEnd {
		m.edge = ledger.EventStart
	}
	s.moments = append(s.moments, m)
}

// record tells what became of the record outside of the work.
func (s *story) record(e *ledger.Event) {
	if e.Kind == ledger.EventAcknowledged {
		if slices.Contains(s.places, e.Position()) {
			s.add(e, s.facts.name(e.Owner), e.At, 0, "answers %s for %v", ackName(e.Count), e.Position())
		}
		return
	}
	if e.Key != s.of.Key || e.Seq != s.of.Seq {
		return
	}
	switch e.Kind {
	case ledger.EventSent:
		s.add(e, laneRecord, e.Due, 0, "due")
		s.add(e, laneRecord, e.At, 0, "sent")
	case ledger.EventAcked:
		text := e.Outcome.String()
		if e.Outcome == ledger.OutcomeAcked {
			text += " at " + e.Position().String()
		}
		s.add(e, laneRecord, e.At, 0, "%s", text)
	case ledger.EventCopied:
		s.add(e, laneRecord, e.At, 0, "copied to %s, %v", s.facts.topic(e.Topic), e.Position())
	}
}

// attempt tells of the work on the record and on its neighbours of the same key.
// Where it is that two were under way at once, the other may be further away.
func (s *story) attempt(e *ledger.Event) {
	near := max(e.Seq, s.of.Seq)-min(e.Seq, s.of.Seq) <= neighbours
	if e.Key != s.of.Key || !near && !(s.check == overlapEntry.name && e.Start <= s.of.At && s.of.At <= e.At) {
		return
	}
	what := e.Outcome.String()
	if e.Outcome == ledger.OutcomeOpen {
		what = "cut off"
	}
	s.add(e, s.facts.name(e.Owner), e.Start, e.At, "%s, seq %d: %s", s.offset(e), e.Seq, what)
}

// offset is where an attempt found its record, as short as can be.
func (s *story) offset(e *ledger.Event) string {
	switch {
	case e.Topic > 0:
		return fmt.Sprintf("%s %d offset %d", s.facts.topic(e.Topic), e.Partition, e.Offset)
	case e.Partition != s.of.Partition:
		return e.Position().String()
	}
	return fmt.Sprintf("offset %d", e.Offset)
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
	switch e.Kind {
	case ledger.EventCommit:
		text := fmt.Sprintf("%d%s by %s", e.Offset, where, who)
		if e.Outcome != ledger.OutcomeConfirmed {
			text += " (" + e.Outcome.String() + ")"
		}
		s.add(e, laneCommits, e.At, 0, "%s", text)
	case ledger.EventOwned:
		s.add(e, laneOwner, e.At, 0, "%s has it%s, generation %d%s", who, where, e.Generation, seen(e))
	case ledger.EventReleased:
		s.add(e, laneOwner, e.At, 0, "%s lost it%s%s", who, where, seen(e))
	case ledger.EventRewound:
		s.add(e, laneOwner, e.At, 0, "%s goes back to the commit%s", who, where)
	case ledger.EventDeferred:
		s.add(e, laneRecord, e.At, 0, "offsets %d to %d are set aside", e.Offset, e.To)
	}
}

// around tells of faults and of the pods' lives.
func (s *story) around(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventInject:
		name := fmt.Sprintf("fault %d", e.Key+1)
		if int(e.Key) < len(s.facts.Faults) {
			name = s.facts.Faults[e.Key]
		}
		if e.Owner != 0 {
			name += " (" + s.facts.name(e.Owner) + ")"
		}
		s.faults[e.Key] = len(s.moments)
		s.add(e, laneFaults, e.At, 0, "%s", name)
	case ledger.EventHeal:
		if i, ok := s.faults[e.Key]; ok {
			s.moments[i].Until = e.At
		}
	case ledger.EventExpelled:
		s.add(e, laneOwner, e.At, 0, "the group drops %s%s", s.facts.name(e.Owner), seen(e))
	case ledger.EventUp:
		s.add(e, s.facts.name(e.Owner), e.At, 0, textUp)
	case ledger.EventDown:
		s.add(e, s.facts.name(e.Owner), e.At, 0, textDown)
	case ledger.EventTransaction:
		what := "commits its transaction"
		if e.Outcome != ledger.OutcomeConfirmed {
			what = "aborts its transaction"
		}
		s.add(e, s.facts.name(e.Owner), e.At, 0, "%s", what)
	}
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
