package mutants

import (
	"context"
	"sync"
	"time"
)

// patience is how long a record is held back for the next of its key.
const patience = 150 * time.Millisecond

// pairs brings two records of one key together that come at about the same
// time, so that bugs which need such a pair show under any load. The zero value
// is ready to use; safe for many goroutines.
type pairs struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

// meet holds the first record of a key back until the second releases it, or
// nobody comes. The second gets the release, the first and a lone one nil.
func (p *pairs) meet(ctx context.Context, key string) (release func()) {
	p.mu.Lock()
	if first, ok := p.waiting[key]; ok {
		delete(p.waiting, key)
		p.mu.Unlock()
		return func() { close(first) }
	}
	me := make(chan struct{})
	if p.waiting == nil {
		p.waiting = map[string]chan struct{}{}
	}
	p.waiting[key] = me
	p.mu.Unlock()

	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-me:
		return nil
	case <-late.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	alone := p.waiting[key] == me
	if alone {
		delete(p.waiting, key)
	}
	p.mu.Unlock()
	if !alone {
		<-me // the second has come in this instant and will release us
	}
	return nil
}
