package relay

import (
	"context"
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
)

// perAssignment are what a design has for each assignment beside records and commits. Safe for
// concurrent use.
type perAssignment[T interface{ close() }] struct {
	all sync.WaitGroup // all that are not closed yet

	mu    sync.Mutex
	known map[*group.Assignment]T
}

// get is what there is for an assignment, made when it is asked for first. It is closed
// when the assignment ends.
func (h *perAssignment[T]) get(a *group.Assignment, make func() T) T {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one, ok := h.known[a]; ok {
		return one
	}
	if h.known == nil {
		h.known = map[*group.Assignment]T{}
	}
	one := make()
	h.known[a] = one
	h.all.Add(1)
	context.AfterFunc(a.Context(), func() {
		defer h.all.Done()
		one.close()
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.known, a)
	})
	return one
}

// waitClosed waits until all are closed; all assignments must have ended.
func (h *perAssignment[T]) waitClosed() { h.all.Wait() }
