package group

import (
	"context"
	"sync/atomic"
)

// Window bounds the records that a pod has taken and that are not under the low
// watermark: its memory, and what a crash can make it repeat. One goroutine
// waits for room and takes; any may give back.
type Window struct {
	size     int64
	step     int64 // step is the room worth waking up for
	reserved atomic.Int64
	room     chan struct{}
}

// NewWindow makes a window of size records for a pod of so many workers. Room
// is given out in steps of a quarter of what the window holds beyond the
// workers, so that a full window leads neither to a poll per record nor to idle
// workers.
func NewWindow(size, workers, maxPoll int) *Window {
	step := min(max((size-workers)/4, 1), maxPoll)
	return &Window{size: int64(size), step: int64(step), room: make(chan struct{}, 1)}
}

// WaitForRoom returns the room there is, once there is a step of it, or 0 when ctx has
// ended.
func (w *Window) WaitForRoom(ctx context.Context) int {
	for ctx.Err() == nil {
		if room := w.size - w.reserved.Load(); room >= w.step {
			return int(room)
		}
		select {
		case <-w.room:
		case <-ctx.Done():
		}
	}
	return 0
}

// isFull reports whether there is no step of room.
func (w *Window) isFull() bool { return w.size-w.reserved.Load() < w.step }

// capacityBelowStep is how much may be held with a step of room left.
func (w *Window) capacityBelowStep() int { return int(w.size - w.step) }

func (w *Window) Reserve(n int) { w.reserved.Add(int64(n)) }

func (w *Window) Release(n int) {
	if n == 0 {
		return
	}
	if w.reserved.Add(-int64(n)) > w.size-w.step {
		return
	}
	select {
	case w.room <- struct{}{}:
	default:
	}
}
