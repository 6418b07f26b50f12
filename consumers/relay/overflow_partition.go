package relay

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/twmb/franz-go/pkg/kgo"
)

// OverflowPartition is a partition of the overflow topic, as the owner of the source partition
// knows it under one assignment: which keys have copies that may not be completed. Only
// this owner can append (see exclusiveCopiers). It fences previous owners before it reads
// the partition, so it misses no copy.
//
// The copies of a transaction whose outcome is unknown are all there or not at all, and no
// other member can append. So new copies past the known end are those of that
// transaction.
//
// Safe for concurrent use.
type OverflowPartition struct {
	overflow   *Overflow
	assignment *group.Assignment
	partition  int32

	// lock is full while copies are made or a copier is opened. It is held during requests; a
	// mutex held that long would stop virtual time.
	lock   chan struct{}
	copier *Copier // copier is nil while this owner cannot append; under lock
	end    int64   // end is the known end of the partition, -1 at first; under lock

	known atomic.Bool // known: the copies of previous owners have been read

	mu          sync.Mutex
	lastCopies  map[string]int64 // lastCopies has the offset of the last copy of each key
	committed   int64            // committed is the committed offset of the overflow group
	requestedAt time.Time        // requestedAt is when that was last requested
}

func newOverflowPartition(o *Overflow, a *group.Assignment) *OverflowPartition {
	return &OverflowPartition{
		overflow: o, assignment: a, partition: a.Partition().Partition,
		lock: make(chan struct{}, 1), end: -1, lastCopies: map[string]int64{},
	}
}

// Append appends copies of records of one key, in order, and returns once the broker has all of
// them. The error is that of the assignment's context.
func (p *OverflowPartition) Append(records []*kgo.Record) error {
	if err := p.lockKnown(); err != nil {
		return err
	}
	defer p.unlock()
	for isAmbiguous := false; ; {
		found, err := false, error(nil)
		if p.copier == nil {
			found, err = p.openCopier()
		}
		switch {
		case err != nil:
		case isAmbiguous && found:
			return nil // the transaction was committed
		default:
			var last *kgo.Record
			if last, err = p.copier.copyInTransaction(p.assignment.Context(), p.overflow.topicOf, records); err == nil {
				p.noteCopy(last)
				p.end = last.Offset + 1
				return nil
			}
			isAmbiguous = true
			p.closeCopier()
		}
		if err := client.PauseRetry(p.assignment.Context(), err); err != nil {
			return err
		}
	}
}

// Contains reports whether copies of a key may not be completed. It requests the overflow
// group's commit at most twice in a commit interval. An older commit is too low, which
// only keeps keys in the overflow topic. The error is that of the assignment's context.
func (p *OverflowPartition) Contains(key []byte) (bool, error) {
	if !p.known.Load() {
		if err := p.lockKnown(); err != nil {
			return false, err
		}
		p.unlock()
	}
	contains, isOld := p.containsByLast(key)
	if isOld {
		if committed, err := p.overflow.fetchCommitted(p.assignment.Context(), p.partition); err == nil {
			p.setCommitted(committed)
		}
		contains, _ = p.containsByLast(key)
	}
	return contains, nil
}

// containsByLast is Contains by the last known commit. isOld says that it is time to request
// it. A key whose last copy is completed is forgotten.
func (p *OverflowPartition) containsByLast(key []byte) (contains, isOld bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.lastCopies[string(key)]
	switch {
	case !ok:
		return false, false
	case last < p.committed:
		delete(p.lastCopies, string(key))
		return false, false
	}
	if isOld = time.Since(p.requestedAt) > p.overflow.cfg.Commit/2; isOld {
		p.requestedAt = time.Now()
	}
	return true, isOld
}

// close runs when the assignment has ended. The next owner's InitProducerID aborts an open
// transaction.
func (p *OverflowPartition) close() {
	p.lock <- struct{}{}
	p.closeCopier()
}

func (p *OverflowPartition) closeCopier() {
	if p.copier != nil {
		p.copier.Close()
		p.copier = nil
	}
}

// lockKnown locks, and reads the copies of previous owners if they are not known. The error is
// that of the assignment's context.
func (p *OverflowPartition) lockKnown() error {
	ctx := p.assignment.Context()
	select {
	case p.lock <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	for !p.known.Load() {
		if _, err := p.openCopier(); err != nil {
			if err := client.PauseRetry(ctx, err); err != nil {
				p.unlock()
				return err
			}
		}
	}
	return nil
}

func (p *OverflowPartition) unlock() { <-p.lock }

// openCopier fences previous owners and reads what the partition has past the known end.
// found says that there were copies.
func (p *OverflowPartition) openCopier() (found bool, err error) {
	copier, err := p.overflow.openCopier(p.assignment.Context(), p.assignment, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return false, fmt.Errorf("open the overflow partition: %w", err)
	}
	found, err = p.readNew()
	if err != nil {
		copier.Close()
		return false, fmt.Errorf("read the overflow partition: %w", err)
	}
	p.copier = copier
	p.known.Store(true)
	return found, nil
}

func (p *OverflowPartition) readNew() (found bool, err error) {
	ctx, from := p.assignment.Context(), p.end
	if from < 0 {
		if from, err = p.overflow.fetchCommitted(ctx, p.partition); err != nil {
			return false, err
		}
		p.setCommitted(from)
	}
	end, err := p.overflow.listEnd(ctx, p.partition)
	if err != nil {
		return false, err
	}
	err = p.overflow.readCopies(ctx, p.partition, from, end, func(r *kgo.Record) {
		found = true
		p.noteCopy(r)
	})
	if err == nil {
		p.end = max(from, end)
	}
	return found, err
}

func (p *OverflowPartition) noteCopy(r *kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastCopies[string(r.Key)] = r.Offset
}

func (p *OverflowPartition) setCommitted(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = max(p.committed, offset)
}
