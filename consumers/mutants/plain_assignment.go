package mutants

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// place is a partition.
type place struct {
	topic     string
	partition int32
}

// task is a record taken under a hold.
type task struct {
	*kgo.Record
	of *hold
}

// hold is one assignment of one partition to a pod. It knows which of its
// records are done and up to where all are. Safe for concurrent use.
type hold struct {
	ctx    context.Context // ctx of the work on its records
	cancel context.CancelFunc
	member string // member is the id under which the group gave it; of the member's mutex

	committed atomic.Int64 // committed is what the group has from here, -1 for nothing

	mu      sync.Mutex
	taken   []int64 // offsets not under the low watermark, in order
	done    map[int64]bool
	next    int64 // next is the low watermark: the offset to commit, -1 as long as there is none
	waiting int   // waiting counts records taken that no worker has passed
	ended   bool
	quiet   chan struct{} // quiet is closed when the hold has ended and nothing waits
}

func newHold(parent context.Context) *hold {
	h := &hold{done: map[int64]bool{}, next: -1, quiet: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(parent)
	h.committed.Store(-1)
	return h
}

func (h *hold) take(offset int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken = append(h.taken, offset)
	h.waiting++
}

// begins reports whether a record may be begun.
func (h *hold) begins() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.ended
}

// pass ends a worker's dealings with a record; done says that it is done.
func (h *hold) pass(offset int64, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if done {
		h.done[offset] = true
		for len(h.taken) > 0 && h.done[h.taken[0]] {
			delete(h.done, h.taken[0])
			h.next, h.taken = h.taken[0]+1, h.taken[1:]
		}
	}
	h.waiting--
	h.settle()
}

// end lets no record begin any more.
func (h *hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.settle()
}

func (h *hold) settle() {
	if h.ended && h.waiting == 0 {
		select {
		case <-h.quiet:
		default:
			close(h.quiet)
		}
	}
}

// low is the low watermark, if there is one.
func (h *hold) low() (offset int64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next, h.next >= 0
}

// high is one past the highest offset done, whatever lies below it.
func (h *hold) high() (offset int64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	high := h.next
	for offset := range h.done {
		high = max(high, offset+1)
	}
	return high, high >= 0
}

// out is the number of records taken and not under the low watermark.
func (h *hold) out() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.taken)
}

// await waits until all of the holds are quiet, within the budget.
func await(holds map[place]*hold, budget time.Duration) bool {
	timer := time.NewTimer(budget)
	defer timer.Stop()
	for _, h := range holds {
		select {
		case <-h.quiet:
		case <-timer.C:
			return false
		}
	}
	return true
}
