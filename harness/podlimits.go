package harness

import (
	"context"
	"time"
)

// MemoryMeter is the ability of a pod to tell its memory, and to be killed for that.
type MemoryMeter interface {
	// ResidentMemory is what all processes of the pod have in memory now, in bytes. Pages
	// that they share count for each. It fails if the pod is not running.
	ResidentMemory() (int64, error)
	// KillFor is [Pod.Kill] with a reason that the timelines of the run have, as "used 70
	// MiB, more than its limit of 64 MiB".
	KillFor(ctx context.Context, reason string) error
}

// CPULimiter is the ability of a pod to get less than one processor.
type CPULimiter interface {
	// LimitCPU gives the running incarnation a share of the time of one processor, above 0
	// and below 1, until lift is called. Then it runs on. [Prober].Paused is true
	// meanwhile. A request to stop ends the limit too. It fails if the pod is not running.
	LimitCPU(share float64) (lift func(), err error)
	// CPUTime is the time on processors that the running incarnation has used.
	CPUTime() (time.Duration, error)
	// Stopped reports whether the running incarnation stands still at this moment.
	Stopped() bool
}
