package load

import (
	"errors"

	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// refusals are the errors that prove that nothing was written. The broker's
// depend on the record, the topic's settings or the request alone, so that an
// earlier try of which no answer came was refused as well; the client's comes
// before the record was taken.
//
// All others leave it open. That includes those that sound like a no:
// authorization and "not enough replicas" change over time, so an earlier try
// may have gone through; and when kgo gives up on a record (timeout, retries,
// client closed) it fails every batch of the partition with it, those that are
// on the wire included.
var refusals = []error{
	kgo.ErrMaxBuffered,
	kerr.MessageTooLarge,
	kerr.RecordListTooLarge,
	kerr.InvalidRecord,
	kerr.InvalidTimestamp,
	kerr.InvalidTopicException,
	kerr.InvalidRequiredAcks,
	kerr.UnsupportedForMessageFormat,
}

// classifyOutcome says how a send ended. An acknowledgement without an offset (the
// broker knew the batch for a duplicate, and no longer where it lies) is
// unknown as well: the final read of the log finds the record.
func classifyOutcome(r *kgo.Record, err error) ledger.Outcome {
	if err == nil && r.Offset >= 0 {
		return ledger.OutcomeAcked
	}
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return ledger.OutcomeFailed
		}
	}
	return ledger.OutcomeUnknown
}
