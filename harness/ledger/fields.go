package ledger

import "math"

// Where each kind of slot keeps what it says. Only this file and the making of
// events know it: the fields that mean different things by kind are not exported.

// SetRecord sets which record a KindSend, KindAttempt, KindAppended or KindCopied is
// about. It takes a pointer, as a copy of the identity costs time in each attempt.
func (s *Slot) SetRecord(id *Identity) {
	s.key, s.seq, s.due, s.sent = id.Key, id.Seq, id.Due, id.Sent
}

// Key and Seq say which record it is, as in [Identity].
func (s *Slot) Key() uint32 { return s.key }

// Seq is explained at [Slot.Key].
func (s *Slot) Seq() uint32 { return s.seq }

// Due is when the schedule wanted the record sent.
func (s *Slot) Due() int64 { return s.due }

// Sent is when Produce was called with the record.
func (s *Slot) Sent() int64 { return s.sent }

// SetPosition sets where the record lies that the slot is about.
func (s *Slot) SetPosition(p Position) {
	s.Topic, s.Partition, s.offset = p.Topic, p.Partition, p.Offset
}

// Position is where the slot's record lies.
func (s *Slot) Position() Position { return Position{s.Topic, s.Partition, s.offset} }

// Offset is that of the record, or the one committed, rewound, reset or fetched to. Of a range, and
// of a log that was trimmed, it is the first.
func (s *Slot) Offset() int64 { return s.offset }

// SetAttempt sets when an attempt began and how often the client says its record was
// delivered, 0 if it does not say.
func (s *Slot) SetAttempt(start int64, deliveries int) {
	s.start, s.count = start, uint8(min(deliveries, math.MaxUint8))
}

// Start is when an attempt began.
func (s *Slot) Start() int64 { return s.start }

// SetEnd sets when a send ended.
func (s *Slot) SetEnd(at int64) { s.end = at }

// End is when a send or an attempt ended.
func (s *Slot) End() int64 { return s.end }

// SetAppended sets when the broker appended the record of a KindAppended or KindCopied.
func (s *Slot) SetAppended(at int64) { s.start = at }

// SetAt sets the time of a fact that has only one.
func (s *Slot) SetAt(at int64) { s.start, s.end = at, at }

// At is the time of a fact that has only one.
func (s *Slot) At() int64 { return s.start }

// Membership says under which member of which group a fact stands.
type Membership struct {
	Group      uint32 // Group is 0 for the run's group, and a hash of its name for one of the consumer's own.
	Generation int32
	Member     uint64 // Member is a hash of the member id, 0 if it is not known.
}

// SetOwnership sets that a KindOwned or KindReleased was seen at a time and happened
// no earlier than another.
func (s *Slot) SetOwnership(m Membership, earliest, seen int64) {
	s.key, s.seq, s.offset, s.start, s.end = m.Group, uint32(m.Generation), int64(m.Member), seen, earliest
}

// SetExpulsion sets the group of a KindExpelled, and its times as [Slot.SetOwnership]
// does.
func (s *Slot) SetExpulsion(group uint32, earliest, seen int64) {
	s.key, s.start, s.end = group, seen, earliest
}

// SetCommit sets a KindCommit.
func (s *Slot) SetCommit(m Membership, offset, at int64) {
	s.key, s.seq, s.due, s.offset = m.Group, uint32(m.Generation), int64(m.Member), offset
	s.SetAt(at)
}

// SetRewind sets to which offset a KindRewound went back; -1 is the commit.
func (s *Slot) SetRewind(group uint32, offset, at int64) {
	s.key, s.offset = group, offset
	s.SetAt(at)
}

// answerBase is what an answer is stored with, so that 0 says that it is not known.
const answerBase = 2

// SetAnswer sets which commit the owner of a KindRewound got, -1 if there was none.
func (s *Slot) SetAnswer(offset int64) { s.sent = offset + answerBase }

// Answer is the commit that the owner of a KindRewound got, -1 if there was none. It is
// not known of each.
func (s *Slot) Answer() (offset int64, known bool) { return s.sent - answerBase, s.sent != 0 }

// SetReset sets at which offset the owner of a KindReset reads on. latest: it is the end of
// the log, else the start.
func (s *Slot) SetReset(group uint32, offset int64, latest bool, at int64) {
	s.key, s.offset = group, offset
	if latest {
		s.sent = 1
	}
	s.SetAt(at)
}

// SetFetched sets from which offset on the owner of a KindFetched asked for records.
func (s *Slot) SetFetched(offset, at int64) {
	s.offset = offset
	s.SetAt(at)
}

// SetPolled sets which offsets of a topic and partition a KindPolled is about, [from, to).
func (s *Slot) SetPolled(topic uint16, partition int32, from, to, at int64) {
	s.Topic, s.Partition, s.offset, s.sent = topic, partition, from, to
	s.SetAt(at)
}

// SetTrimmed sets the new start of the log of a KindTrimmed.
func (s *Slot) SetTrimmed(start, at int64) {
	s.offset = start
	s.SetAt(at)
}

// SetExpired sets the group of a KindExpired.
func (s *Slot) SetExpired(group uint32, at int64) {
	s.key = group
	s.SetAt(at)
}

// SetLine sets when a KindLine was logged, and how many lines its owner had to drop
// before.
func (s *Slot) SetLine(dropped uint32, at int64) {
	s.seq = dropped
	s.SetAt(at)
}

// SetAcquisition sets which records a KindAcquired is about, [from, to), and how often
// they were delivered with this time.
func (s *Slot) SetAcquisition(group uint32, from, to int64, deliveries int, at int64) {
	s.key, s.offset, s.sent, s.count = group, from, to, uint8(min(deliveries, math.MaxUint8))
	s.SetAt(at)
}

// SetAcknowledgement sets the offset of a KindAcknowledged and its [Ack].
func (s *Slot) SetAcknowledgement(offset int64, ack Ack, at int64) {
	s.offset, s.count = offset, ack
	s.SetAt(at)
}

// SetTransaction sets a KindTransaction; id is a hash of the transactional id.
func (s *Slot) SetTransaction(id uint64, at int64) {
	s.due = int64(id)
	s.SetAt(at)
}

// SetDeferral sets by which record a KindDeferred defers offsets of the source,
// [from, to).
func (s *Slot) SetDeferral(by Position, from, to int64) {
	s.key, s.seq, s.due = uint32(by.Topic), uint32(by.Partition), by.Offset+1
	s.offset, s.sent = from, to
}

// ExchangeTimes are the times of a request and its response, 0 for what never happened.
type ExchangeTimes struct {
	Asked    int64 // Asked is when the client's request came to the wire.
	Got      int64 // Got is when the broker got it.
	Answered int64 // Answered is when the broker's response came to the wire.
	Returned int64 // Returned is when the client got the response.
}

// SetExchange sets the Kafka API key of a KindExchange, and its times.
func (s *Slot) SetExchange(apiKey int16, t ExchangeTimes) {
	s.key = uint32(apiKey)
	s.start, s.due, s.sent, s.end = t.Asked, t.Got, t.Answered, t.Returned
}

// Exchange is when a KindExchange happened, and the Kafka API key of its request.
func (s *Slot) Exchange() (apiKey int16, t ExchangeTimes) {
	return int16(s.key), ExchangeTimes{Asked: s.start, Got: s.due, Answered: s.sent, Returned: s.end}
}

// SetHeld sets at which point of its work an attempt waits since a time, as the number of the
// harness's WorkPoint.
func (s *Slot) SetHeld(point uint8, since int64) { s.count, s.start = point, since }

// HeldAt is the point of a KindHeld.
func (s *Slot) HeldAt() uint8 { return s.count }

// SilencedAll is the Partition of a fault of which no pod may hear until it is healed.
const SilencedAll = 1

// SetFault sets the number of the fault of a KindInject or KindHeal.
func (s *Slot) SetFault(number uint32, at int64) {
	s.key = number
	s.SetAt(at)
}

// Membership is that of a KindOwned, KindReleased or KindCommit. For other kinds of
// facts of a group only its Group counts.
func (s *Slot) Membership() Membership {
	m := Membership{Group: s.key, Generation: int32(s.seq)}
	switch s.Kind() {
	case KindOwned, KindReleased:
		m.Member = uint64(s.offset)
	case KindCommit:
		m.Member = uint64(s.due)
	}
	return m
}

// Earliest and Seen are the times between which a KindOwned, KindReleased or
// KindExpelled happened.
func (s *Slot) Earliest() int64 { return s.end }

// Seen is explained at [Slot.Earliest].
func (s *Slot) Seen() int64 { return s.start }

// To is one past the last offset of a KindDeferred, KindAcquired or KindPolled.
func (s *Slot) To() int64 { return s.sent }

// DeferredBy is where the record lies that defers the offsets of a KindDeferred.
func (s *Slot) DeferredBy() Position {
	return Position{Topic: uint16(s.key), Partition: int32(s.seq), Offset: s.due - 1}
}

// Deliveries is how often the records of a KindAttempt or KindAcquired were delivered, at
// most 255, 0 if that is not known.
func (s *Slot) Deliveries() uint8 { return s.count }

// Ack is how a KindAcknowledged acknowledges its record.
func (s *Slot) Ack() Ack { return s.count }
