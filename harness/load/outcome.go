package load

import (
	"errors"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// refusals are the errors that prove that the broker wrote nothing. Errors of the
// broker depend on the record, the topic's settings or the request alone: an earlier
// attempt without a response was refused as well. The error of the client comes
// before it accepts the record.
//
// All other errors leave the outcome open, also those that sound final.
// Authorization and "not enough replicas" change over time, so an earlier attempt may
// have succeeded. When kgo gives up on a record (timeout, retries, client closed), it
// fails all batches of the partition, also batches on the wire.
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

// classifyOutcome says how a send ended. Without acks the client makes up an offset once
// it has sent a record, so the outcome is unknown. An acknowledgement without an offset is
// unknown too: the broker recognized a duplicate batch and no longer knows its
// offset. The final read of the log finds the record.
func classifyOutcome(acks harness.Acks, r *kgo.Record, err error) ledger.Outcome {
	if err == nil && r.Offset >= 0 && acks != harness.AcksNone {
		return ledger.OutcomeAcked
	}
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return ledger.OutcomeFailed
		}
	}
	return ledger.OutcomeUnknown
}
