package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// neighbourSeqs is how far in seq the attempts of a timeline may lie from its record.
const neighbourSeqs = 2

// The tracks of a timeline that are not an incarnation's.
const (
	trackRecord = "record"
	trackCommit = "commits"
	trackOwner  = "owner"
	trackFaults = "faults"
)

// textUp and textDown are the entries for the start and the end of an incarnation.
const textUp, textDown = "up", "down"

// AddTimelines replays src once more. It adds a timeline to the first anomaly of each verdict, and to each loss
// the commit that caused it. It reads nothing if the verdicts have no anomalies.
func AddTimelines(f *Facts, src Source, verdicts []harness.Verdict) error {
	var timelines []*timeline
	var causes attribution
	for i := range verdicts {
		v := &verdicts[i]
		if len(v.Examples) > 0 {
			timelines = append(timelines, newTimeline(f, v.Check, &v.Examples[0]))
		}
		if v.Check == CheckLoss {
			causes.addLosses(f, v.Examples)
		}
	}
	if len(timelines) == 0 {
		return nil
	}
	list := make([]ledger.Event, 0, ledger.BatchSize)
	for {
		events, err := src.Next(list)
		if err != nil {
			return fmt.Errorf("write timelines: %w", err)
		}
		if len(events) == 0 {
			break
		}
		for i := range events {
			causes.findCause(&events[i])
			for _, t := range timelines {
				t.addEvent(&events[i])
			}
		}
	}
	causes.describeCauses(f)
	for _, t := range timelines {
		t.writeEntries()
	}
	return nil
}

// timeline is what happened around one anomaly.
type timeline struct {
	facts   *Facts
	check   string
	anomaly *harness.Anomaly
	places  []ledger.Position // places are where its record lies.
	entries []timelineEvent
	faults  map[uint32]int // faults are the entries of faults that have not healed.
	members podMembers
	last    lastWork
	failed  failedNeighbours
}

// timelineEvent is an entry of a timeline, and the event that it describes.
type timelineEvent struct {
	harness.TimelineEntry
	kind    ledger.EventKind // kind is that of the begin. Of entries at one time, the cause has the lower kind.
	owner   ledger.Owner
	place   ledger.Position // place is that of the record, or of the commit.
	seq     uint32
	outcome ledger.Outcome

	saying     string // saying is what a later entry must say too, to be folded into this one; "" for never.
	generation int32  // generation is that of an owner.
	times      int    // times is how many entries this one stands for.
}

func newTimeline(f *Facts, check string, a *harness.Anomaly) *timeline {
	return &timeline{facts: f, check: check, anomaly: a, places: placesOf(f, a), faults: map[uint32]int{}, members: podMembers{}}
}

// placesOf are the places of an anomaly's record, the anomaly's own position first.
func placesOf(f *Facts, a *harness.Anomaly) []ledger.Position {
	all := []ledger.Position{{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset}}
	if c := f.Log.copies[recordID(a.Key, a.Seq)]; c != nil {
		all = append(append(all, c.origin), c.copies...)
	}
	return all
}

func (t *timeline) addEvent(e *ledger.Event) {
	t.trackWork(e)
	switch e.Kind {
	case ledger.EventSent, ledger.EventAcked, ledger.EventCopied:
		t.addRecordEvent(e)
	case ledger.EventAcknowledged:
		if slices.Contains(t.places, e.Position()) {
			t.addEntry(e, t.facts.podName(e.Owner), e.At, "acknowledges %s: %s", t.facts.describePosition(e.Position()), ackName(e.Ack))
		}
	case ledger.EventEnd:
		t.addAttempt(e)
	case ledger.EventCommit, ledger.EventOwned, ledger.EventReleased, ledger.EventRewound, ledger.EventDeferred:
		t.addGroupEvent(e)
	case ledger.EventTrimmed, ledger.EventExpired, ledger.EventAdded, ledger.EventReset:
		t.addOffsetEvent(e)
	case ledger.EventFetched:
		t.addFetch(e)
	case ledger.EventInject, ledger.EventHeal:
		t.addFault(e)
	case ledger.EventExpelled, ledger.EventUp, ledger.EventDown, ledger.EventTransaction:
		t.addPodEvent(e)
	}
}

// addEntry adds an entry for an event, from a time on.
func (t *timeline) addEntry(e *ledger.Event, track string, from time.Duration, format string, args ...any) *timelineEvent {
	t.entries = append(t.entries, timelineEvent{
		TimelineEntry: harness.TimelineEntry{At: from, Track: track, Text: fmt.Sprintf(format, args...)},
		kind:          e.Kind, owner: e.Owner, place: e.Position(), seq: e.Seq, outcome: e.Outcome,
	})
	return &t.entries[len(t.entries)-1]
}

// addRecordEvent adds an event of the record that is no work.
func (t *timeline) addRecordEvent(e *ledger.Event) {
	if e.Key != t.anomaly.Key || e.Seq != t.anomaly.Seq {
		return
	}
	switch e.Kind {
	case ledger.EventSent:
		t.addEntry(e, trackRecord, e.Due, "due")
		t.addEntry(e, trackRecord, e.At, "sent")
	case ledger.EventAcked:
		text := e.Outcome.String()
		if e.Outcome == ledger.OutcomeAcked {
			text += " at " + t.facts.describePosition(e.Position())
		}
		t.addEntry(e, trackRecord, e.At, "%s", text)
	case ledger.EventCopied:
		t.addEntry(e, trackRecord, e.At, "copied to %s", t.facts.describePosition(e.Position()))
	}
}

// addAttempt adds the work on the record and on its neighbours of the same key. The other attempt of an overlap
// may be further away.
func (t *timeline) addAttempt(e *ledger.Event) {
	near := max(e.Seq, t.anomaly.Seq)-min(e.Seq, t.anomaly.Seq) <= neighbourSeqs
	overlaps := t.check == CheckOverlap && e.Start <= t.anomaly.At && t.anomaly.At <= e.At
	if e.Key != t.anomaly.Key || !near && !overlaps {
		t.failed.note(t, e)
		return
	}
	outcome := e.Outcome.String()
	if e.Outcome == ledger.OutcomeOpen {
		outcome = "ended with its process"
	}
	entry := t.addEntry(e, t.facts.podName(e.Owner), e.Start, "%s, seq %d: %s", t.describePlace(e), e.Seq, outcome)
	entry.Until, entry.kind = e.At, ledger.EventStart
}

// describePlace is where an attempt found its record, as short as possible.
func (t *timeline) describePlace(e *ledger.Event) string {
	switch {
	case e.Topic > 0 || e.Partition != t.anomaly.Partition:
		return t.facts.describePosition(e.Position())
	}
	return fmt.Sprintf("offset %d", e.Offset)
}

// addGroupEvent adds commits and owners of the partitions that the record lies in.
func (t *timeline) addGroupEvent(e *ledger.Event) {
	if !t.isInPartition(e) {
		return
	}
	topic := t.ofTopic(e)
	pod := t.facts.podName(e.Owner) + t.members.describeMember(e)
	switch e.Kind {
	case ledger.EventCommit:
		text := fmt.Sprintf("%d%s by %s", e.Offset, topic, pod)
		switch e.Outcome {
		case ledger.OutcomeConfirmed:
		case ledger.OutcomeFailed:
			text += " (refused)"
		default:
			text += " (" + e.Outcome.String() + ")"
		}
		t.addEntry(e, trackCommit, e.At, "%s", text).saying = text
	case ledger.EventOwned:
		text := fmt.Sprintf("partition %d%s is assigned to %s", e.Partition, topic, pod)
		m := t.addEntry(e, trackOwner, e.At, "%s, generation %d%s", text, e.Generation, describeDelay(e))
		m.saying, m.generation = text, e.Generation
	case ledger.EventReleased:
		t.addEntry(e, trackOwner, e.At, "%s loses partition %d%s%s", pod, e.Partition, topic, describeDelay(e))
	case ledger.EventRewound:
		text := describeRewind(e, pod, topic)
		t.addEntry(e, trackOwner, e.At, "%s", text).saying = text
	case ledger.EventDeferred:
		t.addEntry(e, trackRecord, e.At, "offsets %d to %d are deferred", e.Offset, e.To)
	}
}

// addFault adds the begin of a fault, or its end to the entry of its begin.
func (t *timeline) addFault(e *ledger.Event) {
	if e.Kind == ledger.EventHeal {
		if i, ok := t.faults[e.Fault()]; ok {
			t.entries[i].Until = e.At
		}
		return
	}
	name := fmt.Sprintf("fault %d", e.Fault()+1)
	if int(e.Fault()) < len(t.facts.Faults) {
		name = t.facts.Faults[e.Fault()]
	}
	if e.Owner != 0 {
		name += " (" + t.facts.podName(e.Owner) + ")"
	}
	t.faults[e.Fault()] = len(t.entries)
	t.addEntry(e, trackFaults, e.At, "%s", name)
}

// addPodEvent adds an event of a pod's life, or of its transaction.
func (t *timeline) addPodEvent(e *ledger.Event) {
	pod := t.facts.podName(e.Owner)
	switch e.Kind {
	case ledger.EventExpelled:
		t.addEntry(e, trackOwner, e.At, "the group expels %s%s", pod, describeDelay(e))
	case ledger.EventUp:
		t.addEntry(e, pod, e.At, textUp)
	case ledger.EventDown:
		t.addEntry(e, pod, e.At, "%s", t.facts.describeEnd(e.Owner))
	case ledger.EventTransaction:
		end := "commits its transaction"
		if e.Outcome != ledger.OutcomeConfirmed {
			end = "aborts its transaction"
		}
		t.addEntry(e, pod, e.At, "%s", end)
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
