package scenarios

import "github.com/stampede-bench/stampede/harness"

// The producer waits for no broker, and the leader of the fullest partition dies. No record is
// acknowledged, so all outcomes are unknown until the log is read: what was sent to a dead
// broker is missing from it, and the report shows how much. No retry delays the producer,
// unlike in acks-1.
//
// A consumer must complete what is in the log. Records that are not in it are no loss of the
// consumer. With acks-1 and broker-kill, which waits for all replicas, this is the matrix of acks.
var _ = harness.RegisterScenario(leaderDies("acks-0", harness.AcksNone,
	"Does a consumer complete what is in the log when the producer waits for no broker and the leader dies?"))
