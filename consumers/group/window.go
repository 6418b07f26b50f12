package group

import (
	"context"
	"sync/atomic"
)

// Window limits the records that a pod has accepted and that are not below the low
// watermark: its memory, and what a crash can repeat. One goroutine waits for room and
// reserves; any goroutine may release.
type Window struct {
	size     int64
	step     int64 // step is the room that is worth waking up for
	reserved atomic.Int64
	room     chan struct{}
}

// NewWindow makes a window of size records for a pod of so many workers. Room comes in
// steps: a quarter of what the window holds in addition to one record a worker, at most
// maxPoll. So a full window leads neither to a poll for each record nor to idle workers.
func NewWindow(size, workers, maxPoll int) *Window {
	step := min(max((size-workers)/4, 1), maxPoll)
	return &Window{size: int64(size), step: int64(step), room: make(chan struct{}, 1)}
}

// WaitForRoom waits until there is a step of room. It returns the room in records, or 0
// when ctx has ended.
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

// Reserve takes room for n records, whether or not there is room.
func (w *Window) Reserve(n int) { w.reserved.Add(int64(n)) }

// Release gives the room of n records back.
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

// isFull reports whether there is less than a step of room.
func (w *Window) isFull() bool { return w.size-w.reserved.Load() < w.step }

// capacityBelowStep is how many records can be reserved with a step of room left.
func (w *Window) capacityBelowStep() int { return int(w.size - w.step) }
