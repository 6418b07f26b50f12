package harness

import "context"

// WorkPoint is a point of an attempt.
type WorkPoint uint8

// The points of an attempt, in their order.
const (
	BeforeWork  WorkPoint = iota + 1 // BeforeWork: the attempt has begun, and nothing of the work is done.
	AfterWork                        // AfterWork: the work is done without an error, and has no effect yet.
	AfterEffect                      // AfterEffect: the work has its effect, and the consumer does not know it yet.
)

// WorkHolder is the ability of a pod to let an attempt wait at a point of its work.
type WorkHolder interface {
	// HoldWork lets the next attempt that comes to the point wait there, and returns once one
	// waits. release lets it go on; a dead pod needs none. After an error no attempt waits. A
	// call of [BatchWork] waits as one attempt.
	HoldWork(ctx context.Context, at WorkPoint) (release func(), err error)
}
