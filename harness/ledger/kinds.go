package ledger

import "fmt"

// Kind says what a slot records. The methods of [Slot] say for which kinds they count.
type Kind uint8

const (
	// KindSend is one record given to the producer. Once the send has ended it has an end
	// and an Outcome, and the record's position if the broker acknowledged it.
	KindSend Kind = iota + 1
	// KindAttempt is one record in one call of the work. [Journal.Finish] adds its end and
	// Outcome. Attempts of a call for several records share a [Slot.Call] and lie in the
	// order of the call.
	KindAttempt
	// KindAppended is one record of the final read of the log, with the broker's timestamp
	// in ns of Unix time.
	KindAppended
	// KindCommit is a commit of a group. Owner is 0 if the client is none of the run's. The
	// Outcome is confirmed if the commit is known to hold, failed if the broker is known to
	// have refused it, else unknown. Metadata follows in slots of [KindText].
	KindCommit
	// KindOwned says that Owner was seen to own a partition.
	KindOwned
	// KindReleased says that Owner was seen not to own a partition any more.
	KindReleased
	// KindUp is the start of an incarnation, KindDown its end as reaped.
	KindUp
	KindDown
	// KindInject and KindHeal are the begin and the end of a fault. Owner is the pod that
	// it affects, if it affects only one. Partition is -1 if it disturbs no pod, and
	// [SilencedAll] if any pod may have waited for a broker that did not answer.
	KindInject
	KindHeal
	// KindExpelled says that a group dropped Owner, which was alive and had not left.
	KindExpelled
	// KindRewound says that Owner asked for the group's commit of a partition, to read on
	// from there. With an Offset of 0 and more it went to that offset, because the log
	// was cut or by design. [Slot.Answer] is the commit that it got.
	KindRewound
	// KindCopied is one record of the final read of a side topic, with the time at which
	// the broker appended it.
	KindCopied
	// KindDeferred is a range of offsets of the source that a consumer deferred by a record
	// in a side topic.
	KindDeferred
	// KindAcknowledged is an acknowledgement of one record by a member of a share group. The
	// Outcome is confirmed if the broker accepted it, failed if it refused it, else
	// unknown.
	KindAcknowledged
	// KindTransaction is the end of a transaction of Owner. The Outcome is confirmed if it
	// was committed, cancelled if it was aborted, else unknown.
	KindTransaction
	// KindText holds up to 40 bytes that belong to the slot before it in its journal: the
	// metadata of a commit, or a line. Metadata that is the member id is left out.
	KindText
	// KindAcquired is a range of records that Owner acquired from a share group.
	KindAcquired
	// KindTrimmed says that the records of a partition below Offset were deleted, as by
	// retention. Its time is when that was asked for.
	KindTrimmed
	// KindExpired says that a group lost all its commits. Its time is when that was asked for.
	KindExpired
	// KindAdded says that a partition was added to a topic.
	KindAdded
	// KindReset says that Owner asked for the first or the last offset of a partition, to
	// read on from there. It had no commit, or its offset was out of range.
	KindReset
	// KindExchange is a request of Owner about a group or a transaction, with the times of
	// [Slot.Exchange]. Partition is the broker. It is confirmed if the client got a response,
	// failed if the broker never got the request, else unknown. It is no event of a replay.
	KindExchange
	// KindHeld says that an attempt of Owner waited at a point of its work, because a fault
	// wanted it to. The start is when it came there and the end is when it went on. It is open
	// if it never went on. It is no event of a replay.
	KindHeld
	// KindFetched says that Owner asked for the records of a partition from Offset on: it has
	// those before.
	KindFetched
	// KindLine is a line that the consumer logged. Its text follows in slots of [KindText].
	// It is no event of the replay: see [ReadLines].
	KindLine
	// KindPolled says that the client of Owner returned a range of records of a partition from a
	// poll. Only the consumer can tell, and measures alone look at it.
	KindPolled
)

// Flags are properties of a slot's record or fact.
type Flags uint8

const (
	FlagTransactional Flags = 1 << iota // of a record or a commit: made in a transaction
	FlagCorrupt                         // of a record: the checksum of its value does not hold, or its key in Kafka is another; Key and Seq may be wrong
	FlagLate                            // of a commit: it took effect after its client had given it up, and after a commit that was asked for later
	FlagProven                          // of a KindAppended: the record was not read, see [Proof]
)

// Ack is how a member of a share group acknowledges a record (KIP-932).
type Ack = uint8

// The acknowledgements, as Kafka numbers them.
const (
	AckGap Ack = iota
	AckAccept
	AckRelease
	AckReject
	AckRenew
)

// Outcome is how a send, an attempt or a commit ended.
type Outcome uint8

const (
	OutcomeOpen      Outcome = iota // not ended, or its process died first
	OutcomeAcked                    // a send that the broker acknowledged
	OutcomeFailed                   // a send that the client knows was not written, or a commit that the group refused
	OutcomeUnknown                  // a send or commit that may have been written
	OutcomeEffect                   // an attempt that ended well
	OutcomeError                    // an attempt that failed
	OutcomeCancelled                // an attempt whose context ended
	OutcomeConfirmed                // a commit that was seen to hold, or a fact that is certain
	OutcomeComputed                 // an attempt that ended well, where the output is the effect; only in events
	OutcomePoison                   // an attempt that failed, and will fail each time
)

var outcomeNames = [...]string{"open", "acked", "failed", "unknown", "effect", "error", "cancelled", "confirmed", "computed", "poison"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}
