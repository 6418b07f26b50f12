package relay

import (
	"context"
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
)

// perAssignment has a value for each assignment, which is closed when the assignment ends. Safe
// for concurrent use.
type perAssignment[T interface{ close() }] struct {
	open sync.WaitGroup // open counts values that are not closed

	mu     sync.Mutex
	values map[*group.Assignment]T
}

// get returns the value of an assignment, and makes it at the first call.
func (p *perAssignment[T]) get(a *group.Assignment, make func() T) T {
	p.mu.Lock()
	defer p.mu.Unlock()
	if value, ok := p.values[a]; ok {
		return value
	}
	if p.values == nil {
		p.values = map[*group.Assignment]T{}
	}
	value := make()
	p.values[a] = value
	p.open.Add(1)
	context.AfterFunc(a.Context(), func() {
		defer p.open.Done()
		value.close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.values, a)
	})
	return value
}

// waitClosed waits until all values are closed. All assignments must have ended.
func (p *perAssignment[T]) waitClosed() { p.open.Wait() }
