package mutants

import (
	"context"
	"sync"
	"time"
)

// pairTimeout is how long a record waits for the next record of its key.
const pairTimeout = 150 * time.Millisecond

// pairs lets two records of one key meet that come at about the same time. So bugs that need
// such a pair show under any load. The zero value is ready; safe for concurrent use.
type pairs struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

// meetPartner holds the first record of a key back until the second releases it, or until the
// time is over. The second record gets the release, any other nil.
func (p *pairs) meetPartner(ctx context.Context, key string) (release func()) {
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

	late := time.NewTimer(pairTimeout)
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
		<-me // the second record came in this instant, and releases this one
	}
	return nil
}
