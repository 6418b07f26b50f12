package pod

import "github.com/stampede-bench/stampede/harness/ledger"

// notePoll journals that the client returned a range of records, [from, to). It implements
// [harness.Config.Polled]. Like a line of the log it does not wait for the end of a pause. A
// journal that has failed ends the pod at its next attempt.
func (s *shim) notePoll(topic string, partition int32, from, to int64) {
	if s.gate != nil {
		if !s.gate.lockUnlessDead() {
			return
		}
		defer s.gate.unlockJournal()
	}
	slot := ledger.NewSlot(ledger.KindPolled, s.owner).With(ledger.OutcomeConfirmed)
	slot.SetPolled(s.topicNumber(topic), partition, from, to, s.clock.Now())
	_ = s.journal.Append(slot)
}
