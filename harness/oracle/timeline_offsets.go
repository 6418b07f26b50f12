package oracle

import (
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// isInPartition reports whether an event is of a partition that the record lies in.
func (t *timeline) isInPartition(e *ledger.Event) bool {
	return slices.ContainsFunc(t.places, func(p ledger.Position) bool { return p.Topic == e.Topic && p.Partition == e.Partition })
}

// ofTopic names the topic of an event, "" for the source.
func (t *timeline) ofTopic(e *ledger.Event) string {
	if e.Topic == 0 {
		return ""
	}
	return " of " + t.facts.topicName(e.Topic)
}

// describeRewind says where a pod begins to read, as far as it is known.
func describeRewind(e *ledger.Event, pod, topic string) string {
	answer, known := e.Answer()
	switch {
	case e.Offset >= 0:
		return fmt.Sprintf("%s goes to offset %d%s", pod, e.Offset, topic)
	case !known:
		return fmt.Sprintf("%s goes back to the commit%s", pod, topic)
	case answer < 0:
		return fmt.Sprintf("%s asks for the commit%s, and there is none", pod, topic)
	}
	return fmt.Sprintf("%s goes back to the commit%s, %d", pod, topic, answer)
}

// addFetch adds from where a pod reads on, if that is what the check is about.
func (t *timeline) addFetch(e *ledger.Event) {
	if t.check == CheckExcessBuffering && t.isInPartition(e) {
		t.addEntry(e, t.facts.podName(e.Owner), e.At, "asks for the records from offset %d on", e.Offset)
	}
}

// addOffsetEvent adds an event that changes from where members can read, or where they begin without a commit.
func (t *timeline) addOffsetEvent(e *ledger.Event) {
	if e.Kind == ledger.EventExpired {
		t.addEntry(e, trackFaults, e.At, "the group loses its commits")
		return
	}
	if !t.isInPartition(e) {
		return
	}
	topic := t.ofTopic(e)
	switch e.Kind {
	case ledger.EventTrimmed:
		t.addEntry(e, trackFaults, e.At, "the log%s begins at offset %d from now on", topic, e.Offset)
	case ledger.EventAdded:
		t.addEntry(e, trackOwner, e.At, "partition %d%s is added", e.Partition, topic)
	case ledger.EventReset:
		where := "the start"
		if e.IsLatest() {
			where = "the end"
		}
		t.addEntry(e, trackOwner, e.At, "%s has no valid offset and begins at %s of the log%s, offset %d", t.facts.podName(e.Owner), where, topic, e.Offset)
	}
}
