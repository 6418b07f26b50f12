package fault

import "fmt"

// API keys of requests in the Kafka protocol.
const (
	Produce         int16 = 0
	Fetch           int16 = 1
	OffsetCommit    int16 = 8 // OffsetCommit is the commit of a group.
	OffsetFetch     int16 = 9
	Heartbeat       int16 = 12
	TxnOffsetCommit int16 = 28 // TxnOffsetCommit is the commit of a group in a transaction.

	joinGroup              int16 = 11
	leaveGroup             int16 = 13
	syncGroup              int16 = 14
	addOffsetsToTxn        int16 = 25
	endTxn                 int16 = 26
	consumerGroupHeartbeat int16 = 68
	shareGroupHeartbeat    int16 = 76
	shareFetch             int16 = 78
	shareAcknowledge       int16 = 79
)

// Error codes of responses in the Kafka protocol.
const (
	CoordinatorLoadInProgress int16 = 14
	NotCoordinator            int16 = 16
	NotEnoughReplicas         int16 = 19
	IllegalGeneration         int16 = 22
	RebalanceInProgress       int16 = 27
	fencedInstanceID          int16 = 82
)

// requestsOf is what a report calls requests of a key.
func requestsOf(key int16) string {
	switch key {
	case OffsetCommit:
		return "commits"
	case OffsetFetch:
		return "OffsetFetch"
	case Produce:
		return "produces"
	case Fetch:
		return "fetches"
	case Heartbeat, consumerGroupHeartbeat:
		return "heartbeats"
	case endTxn:
		return "ends of transactions"
	}
	return fmt.Sprintf("requests of key %d", key)
}

// errorName is what a report calls an error code.
func errorName(code int16) string {
	switch code {
	case CoordinatorLoadInProgress:
		return "coordinator loading"
	case NotCoordinator:
		return "not coordinator"
	case NotEnoughReplicas:
		return "not enough replicas"
	case IllegalGeneration:
		return "illegal generation"
	case RebalanceInProgress:
		return "rebalance in progress"
	}
	return fmt.Sprintf("error %d", code)
}
