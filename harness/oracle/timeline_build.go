package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// neighbourSeqs is how far in seq from its record the attempts of a story may lie.
const neighbourSeqs = 2

// The lanes of a story that are not an incarnation's.
const (
	trackRecord    = "record"
	trackCommitted = "commits"
	trackOwned     = "owner"
	trackFaults    = "faults"
)

// What a story tells of the life of an incarnation.
const textUp, textDown = "up", "down"

// AddTimelines replays src once more and writes the story of the first anomaly of each
// verdict that has one, and into each loss whose commit was ahead of the work. It
// reads nothing if there is none to tell.
func AddTimelines(f *Facts, src Source, verdicts []harness.Verdict) error {
	var stories []*timeline
	var to attribution
	for i := range verdicts {
		v := &verdicts[i]
		if len(v.Examples) > 0 {
			stories = append(stories, newTimeline(f, v.Check, &v.Examples[0]))
		}
		if v.Check == lossEntry.name {
			to.addLosses(f, v.Examples)
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
			to.trackEvent(&events[i])
			for _, s := range stories {
				s.addEvent(&events[i])
			}
		}
	}
	to.nameCulprits(f)
	for _, s := range stories {
		s.writeEntries()
	}
	return nil
}

// timeline is what happened around one anomaly.
type timeline struct {
	facts   *Facts
	check   string
	anomaly *harness.Anomaly
	places  []ledger.Position // where its record lies
	entries []timelineEvent
	faults  map[uint32]int // moments of the faults under way
}

// timelineEvent is a moment of a story with what it is known by.
type timelineEvent struct {
	harness.TimelineEntry
	edge    ledger.EventKind // edge is what it begins with: of moments at one time that of the cause is less
	owner   ledger.Owner
	place   ledger.Position // place of the record, or of the commit
	seq     uint32
	outcome ledger.Outcome
}

func newTimeline(f *Facts, check string, a *harness.Anomaly) *timeline {
	return &timeline{facts: f, check: check, anomaly: a, places: placesOf(f, a), faults: map[uint32]int{}}
}

// placesOf are where the record of an anomaly lies, its own position first.
func placesOf(f *Facts, a *harness.Anomaly) []ledger.Position {
	all := []ledger.Position{{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset}}
	if c := f.Log.copies[recordID(a.Key, a.Seq)]; c != nil {
		all = append(append(all, c.origin), c.copies...)
	}
	return all
}

func (s *timeline) addEvent(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventSent, ledger.EventAcked, ledger.EventCopied, ledger.EventAcknowledged:
		s.addRecordEvent(e)
	case ledger.EventEnd:
		s.addAttempt(e)
	case ledger.EventCommit, ledger.EventOwned, ledger.EventReleased, ledger.EventRewound, ledger.EventDeferred:
		s.addGroupEvent(e)
	case ledger.EventInject, ledger.EventHeal, ledger.EventExpelled, ledger.EventUp, ledger.EventDown, ledger.EventTransaction:
		s.addEnvironment(e)
	}
}

// addEntry adds what an event tells.
func (s *timeline) addEntry(e *ledger.Event, lane string, from, until time.Duration, format string, args ...any) {
	m := timelineEvent{
		TimelineEntry: harness.TimelineEntry{At: from, Until: until, Track: lane, Text: fmt.Sprintf(format, args...)},
		edge:          e.Kind, owner: e.Owner, place: e.Position(), seq: e.Seq, outcome: e.Outcome,
	}
	if e.Kind == ledger.EventEnd {
		m.edge = ledger.EventStart
	}
	s.entries = append(s.entries, m)
}

// addRecordEvent tells what became of the record outside of the work.
func (s *timeline) addRecordEvent(e *ledger.Event) {
	if e.Kind == ledger.EventAcknowledged {
		if slices.Contains(s.places, e.Position()) {
			s.addEntry(e, s.facts.podName(e.Owner), e.At, 0, "answers %s for %v", ackName(e.Count), e.Position())
		}
		return
	}
	if e.Key != s.anomaly.Key || e.Seq != s.anomaly.Seq {
		return
	}
	switch e.Kind {
	case ledger.EventSent:
		s.addEntry(e, trackRecord, e.Due, 0, "due")
		s.addEntry(e, trackRecord, e.At, 0, "sent")
	case ledger.EventAcked:
		text := e.Outcome.String()
		if e.Outcome == ledger.OutcomeAcked {
			text += " at " + e.Position().String()
		}
		s.addEntry(e, trackRecord, e.At, 0, "%s", text)
	case ledger.EventCopied:
		s.addEntry(e, trackRecord, e.At, 0, "copied to %s, %v", s.facts.topicName(e.Topic), e.Position())
	}
}

// addAttempt tells of the work on the record and on its neighbours of the same key.
// Where it is that two were under way at once, the other may be further away.
func (s *timeline) addAttempt(e *ledger.Event) {
	near := max(e.Seq, s.anomaly.Seq)-min(e.Seq, s.anomaly.Seq) <= neighbourSeqs
	if e.Key != s.anomaly.Key || !near && !(s.check == overlapEntry.name && e.Start <= s.anomaly.At && s.anomaly.At <= e.At) {
		return
	}
	what := e.Outcome.String()
	if e.Outcome == ledger.OutcomeOpen {
		what = "cut off"
	}
	s.addEntry(e, s.facts.podName(e.Owner), e.Start, e.At, "%s, seq %d: %s", s.describePlace(e), e.Seq, what)
}

// describePlace is where an attempt found its record, as short as can be.
func (s *timeline) describePlace(e *ledger.Event) string {
	switch {
	case e.Topic > 0:
		return fmt.Sprintf("%s %d offset %d", s.facts.topicName(e.Topic), e.Partition, e.Offset)
	case e.Partition != s.anomaly.Partition:
		return e.Position().String()
	}
	return fmt.Sprintf("offset %d", e.Offset)
}

// addGroupEvent tells of commits and owners of the partitions that the record lies in.
func (s *timeline) addGroupEvent(e *ledger.Event) {
	if !slices.ContainsFunc(s.places, func(p ledger.Position) bool { return p.Topic == e.Topic && p.Partition == e.Partition }) {
		return
	}
	where := ""
	if e.Topic > 0 {
		where = " of " + s.facts.topicName(e.Topic)
	}
	who := s.facts.podName(e.Owner)
	switch e.Kind {
	case ledger.EventCommit:
		text := fmt.Sprintf("%d%s by %s", e.Offset, where, who)
		if e.Outcome != ledger.OutcomeConfirmed {
			text += " (" + e.Outcome.String() + ")"
		}
		s.addEntry(e, trackCommitted, e.At, 0, "%s", text)
	case ledger.EventOwned:
		s.addEntry(e, trackOwned, e.At, 0, "%s has it%s, generation %d%s", who, where, e.Generation, describeDelay(e))
	case ledger.EventReleased:
		s.addEntry(e, trackOwned, e.At, 0, "%s lost it%s%s", who, where, describeDelay(e))
	case ledger.EventRewound:
		s.addEntry(e, trackOwned, e.At, 0, "%s goes back to the commit%s", who, where)
	case ledger.EventDeferred:
		s.addEntry(e, trackRecord, e.At, 0, "offsets %d to %d are set aside", e.Offset, e.To)
	}
}

// addEnvironment tells of faults and of the pods' lives.
func (s *timeline) addEnvironment(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventInject:
		name := fmt.Sprintf("fault %d", e.Key+1)
		if int(e.Key) < len(s.facts.Faults) {
			name = s.facts.Faults[e.Key]
		}
		if e.Owner != 0 {
			name += " (" + s.facts.podName(e.Owner) + ")"
		}
		s.faults[e.Key] = len(s.entries)
		s.addEntry(e, trackFaults, e.At, 0, "%s", name)
	case ledger.EventHeal:
		if i, ok := s.faults[e.Key]; ok {
			s.entries[i].Until = e.At
		}
	case ledger.EventExpelled:
		s.addEntry(e, trackOwned, e.At, 0, "the group drops %s%s", s.facts.podName(e.Owner), describeDelay(e))
	case ledger.EventUp:
		s.addEntry(e, s.facts.podName(e.Owner), e.At, 0, textUp)
	case ledger.EventDown:
		s.addEntry(e, s.facts.podName(e.Owner), e.At, 0, textDown)
	case ledger.EventTransaction:
		what := "commits its transaction"
		if e.Outcome != ledger.OutcomeConfirmed {
			what = "aborts its transaction"
		}
		s.addEntry(e, s.facts.podName(e.Owner), e.At, 0, "%s", what)
	}
}

// describeDelay says how much later than its earliest time an event may have happened.
func describeDelay(e *ledger.Event) string {
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
