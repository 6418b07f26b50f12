package fault

// API keys of the Kafka protocol.
const (
	syncGroup              int16 = 14
	endTxn                 int16 = 26
	consumerGroupHeartbeat int16 = 68
	shareFetch             int16 = 78
)

// Moment is a moment on the wire at which a consumer can be interrupted: a request that the
// broker does not have yet, or a response that the client does not have yet.
type Moment struct {
	Name       string // Name ends a sentence, as in "kill pod before commit".
	Key        int16  // Key is the API key in the Kafka protocol.
	OnResponse bool   // OnResponse: the broker has carried out the request.
}

// Before an event the broker does not know of it. After it the broker has carried it out,
// and the pod does not know that. A refused request is no event.
var (
	// The commit of a group, in the classic protocols and in KIP-848.
	BeforeCommit = Moment{Name: "before commit", Key: OffsetCommit}
	AfterCommit  = Moment{Name: "after commit", Key: OffsetCommit, OnResponse: true}
	// The member of a classic group has joined, and asks for its assignment.
	BeforeSync = Moment{Name: "between join and sync", Key: syncGroup}
	// The member of a KIP-848 group has sent a heartbeat, and does not get its assignment.
	AfterHeartbeat = Moment{Name: "after heartbeat", Key: consumerGroupHeartbeat, OnResponse: true}
	// The end of a transaction, with outputs and offsets.
	BeforeEndTxn = Moment{Name: "before the end of a transaction", Key: endTxn}
	AfterEndTxn  = Moment{Name: "after the end of a transaction", Key: endTxn, OnResponse: true}
	// The fetch of a member of a share group, which takes its acknowledgements along. A fetch
	// that is answered has delivered records.
	BeforeShareFetch = Moment{Name: "before share fetch", Key: shareFetch}
	AfterShareFetch  = Moment{Name: "after share fetch", Key: shareFetch, OnResponse: true}
)

// Moments are all of them.
var Moments = []Moment{BeforeCommit, AfterCommit, BeforeSync, AfterHeartbeat, BeforeEndTxn, AfterEndTxn, BeforeShareFetch, AfterShareFetch}
