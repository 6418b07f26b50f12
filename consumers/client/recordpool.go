package client

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordPool is a pool of the records that a client decodes into. A slice comes back when all
// its records were recycled, and serves again for a batch that is not larger. Records that
// are not recycled go to the garbage collector. They are most of what a client allocates,
// and garbage collection takes a seventh of a pod's CPU time.
type recordPool struct {
	mu   sync.Mutex
	free [][]kgo.Record
}

var _ kgo.PoolRecords = (*recordPool)(nil)

// maxFree is the most idle slices.
const maxFree = 64

// GetRecords implements [kgo.PoolRecords].
func (p *recordPool) GetRecords(n int) []kgo.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.free) - 1; i >= 0; i-- {
		if f := p.free[i]; cap(f) >= n {
			last := len(p.free) - 1
			p.free[i], p.free[last] = p.free[last], nil
			p.free = p.free[:last]
			return f
		}
	}
	return make([]kgo.Record, n)
}

// PutRecords implements [kgo.PoolRecords].
func (p *recordPool) PutRecords(r []kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < maxFree {
		p.free = append(p.free, r)
	}
}
