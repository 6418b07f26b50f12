package fault

import "github.com/stampede-bench/stampede/harness"

// Moment is a moment at which a pod can be interrupted. On the wire it is a request that the
// broker does not have yet, or a response that the client does not have yet. In the work it
// is a point of an attempt.
type Moment struct {
	Name       string            // Name ends a sentence, as in "kill pod before commit".
	Key        int16             // Key is the API key of the request in the Kafka protocol.
	OnResponse bool              // OnResponse: the broker has carried out the request.
	Work       harness.WorkPoint // Work is the point of a moment in the work; Key and OnResponse mean nothing then.
}

// Before an event the broker does not know of it. After it the broker has carried it out,
// and the pod does not know that.
var (
	// The work on a record. Every consumer has these moments.
	BeforeWork  = Moment{Name: "before work", Work: harness.BeforeWork}
	AfterWork   = Moment{Name: "between work and effect", Work: harness.AfterWork}
	AfterEffect = Moment{Name: "after effect", Work: harness.AfterEffect}
	// The commit of a group, in the classic protocols and in KIP-848.
	BeforeCommit = Moment{Name: "before commit", Key: OffsetCommit}
	AfterCommit  = Moment{Name: "after commit", Key: OffsetCommit, OnResponse: true}
	// The member of a classic group has joined, and asks for its assignment.
	BeforeSync = Moment{Name: "between join and sync", Key: syncGroup}
	// The member of a KIP-848 group has the response to its last heartbeat, and the broker
	// does not get the next one.
	BetweenHeartbeats = Moment{Name: "between heartbeats", Key: consumerGroupHeartbeat}
	// The member of a KIP-848 group has sent a heartbeat, and does not get its assignment.
	AfterHeartbeat = Moment{Name: "after heartbeat", Key: consumerGroupHeartbeat, OnResponse: true}
	// The transaction has outputs and offsets, and its end is not asked for.
	InsideTxn = Moment{Name: "inside a transaction", Key: TxnOffsetCommit, OnResponse: true}
	// The end of a transaction, with outputs and offsets.
	BeforeEndTxn = Moment{Name: "before its transaction ends", Key: endTxn}
	AfterEndTxn  = Moment{Name: "after its transaction ends", Key: endTxn, OnResponse: true}
	// The fetch of a member of a share group, which takes its acknowledgements along. A fetch
	// that is answered has delivered records.
	BeforeShareFetch = Moment{Name: "before share fetch", Key: shareFetch}
	AfterShareFetch  = Moment{Name: "after share fetch", Key: shareFetch, OnResponse: true}
	// The acknowledgements of a share group that no fetch takes along.
	BeforeAcknowledgement = Moment{Name: "before acknowledgement", Key: shareAcknowledge}
	AfterAcknowledgement  = Moment{Name: "after acknowledgement", Key: shareAcknowledge, OnResponse: true}
)

// Moments are all of them.
var Moments = []Moment{
	BeforeWork, AfterWork, AfterEffect, BeforeCommit, AfterCommit, BeforeSync, BetweenHeartbeats, AfterHeartbeat,
	InsideTxn, BeforeEndTxn, AfterEndTxn, BeforeShareFetch, AfterShareFetch, BeforeAcknowledgement, AfterAcknowledgement,
}
