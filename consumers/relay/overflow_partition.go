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

// OverflowPartition is one partition of the lane, as the owner of the source's partition knows it
// under one assignment: which keys have copies there that may not have been worked off, and
// the right to append more, which nobody else has meanwhile (see [exclusiveCopiers]). An owner gets
// it before it reads what is there, so that it misses nothing.
//
// A transaction of which the end is in doubt is there as a whole or not at all, and nobody
// else's can be. So what is found past the end as it was known is just that.
type OverflowPartition struct {
	overflow   *Overflow
	assignment *group.Assignment
	partition  int32

	// lock is a lock, full while copies are made or the right to it is got. It is held
	// over the network, and a mutex held that long would stop the clock where time is virtual.
	lock   chan struct{}
	copies *Copier // copies is nil while there is no right to copy; under turn
	end    int64   // end is one past the last that is known of the lane, -1 at first; under turn

	known atomic.Bool // known: what was there at first has been read

	mu          sync.Mutex
	last        map[string]int64 // last has the offset of the last copy of each key
	committed   int64            // committed is up to where all has been worked off
	requestedAt time.Time        // requestedAt is when the group was asked last
}

func newOverflowPartition(l *Overflow, a *group.Assignment) *OverflowPartition {
	return &OverflowPartition{overflow: l, assignment: a, partition: a.Partition().Partition, lock: make(chan struct{}, 1), end: -1, last: map[string]int64{}}
}

// close is for the end of the assignment, whose context ends all that is under way. A
// transaction among it the next owner has settled by the broker.
func (o *OverflowPartition) close() {
	o.lock <- struct{}{}
	o.closeCopier()
}

func (o *OverflowPartition) closeCopier() {
	if o.copies != nil {
		o.copies.Close()
		o.copies = nil
	}
}

// lockKnown waits for a turn, in which what was in the lane at first is known. The error is
// that of the assignment's context, which has ended.
func (o *OverflowPartition) lockKnown() error {
	select {
	case o.lock <- struct{}{}:
	case <-o.assignment.Context().Done():
		return o.assignment.Context().Err()
	}
	for !o.known.Load() {
		if _, err := o.openCopier(); err != nil {
			if err := client.PauseRetry(o.assignment.Context(), err); err != nil {
				o.unlock()
				return err
			}
		}
	}
	return nil
}

func (o *OverflowPartition) unlock() { <-o.lock }

// openCopier gets the right to copy and reads what the lane has beyond what is known. found: there
// are copies in it.
func (o *OverflowPartition) openCopier() (found bool, err error) {
	copies, err := o.overflow.openCopier(o.assignment.Context(), o.assignment, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return false, fmt.Errorf("open the lane: %w", err)
	}
	found, err = o.readNew()
	if err != nil {
		copies.Close()
		return false, fmt.Errorf("open the lane: %w", err)
	}
	o.copies = copies
	o.known.Store(true)
	return found, nil
}

func (o *OverflowPartition) readNew() (found bool, err error) {
	ctx, from := o.assignment.Context(), o.end
	if from < 0 {
		if from, err = o.overflow.fetchCommitted(ctx, o.partition); err != nil {
			return false, err
		}
		o.setCommitted(from)
	}
	end, err := o.overflow.listEnd(ctx, o.partition)
	if err != nil {
		return false, err
	}
	err = o.overflow.readCopies(ctx, o.partition, from, end, func(r *kgo.Record) {
		found = true
		o.noteCopy(r)
	})
	if err == nil {
		o.end = max(from, end)
	}
	return found, err
}

func (o *OverflowPartition) noteCopy(r *kgo.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last[string(r.Key)] = r.Offset
}

// Append appends copies of records of one key, in their order, and returns once the broker
// has all of them. The error is that of the assignment's context, which has ended.
func (o *OverflowPartition) Append(records []*kgo.Record) error {
	if err := o.lockKnown(); err != nil {
		return err
	}
	defer o.unlock()
	for inDoubt := false; ; {
		found, err := false, error(nil)
		if o.copies == nil {
			found, err = o.openCopier()
		}
		switch {
		case err != nil:
		case inDoubt && found:
			return nil
		default:
			var last *kgo.Record
			if last, err = o.copies.copyInTransaction(o.assignment.Context(), o.overflow.topicOf, records); err == nil {
				o.noteCopy(last)
				o.end = last.Offset + 1
				return nil
			}
			inDoubt = true
			o.closeCopier()
		}
		if err := client.PauseRetry(o.assignment.Context(), err); err != nil {
			return err
		}
	}
}

// Contains reports whether copies of a key may not have been worked off. How far the lane is it
// asks at most twice a commit interval: an older answer is too low, and only keeps keys
// where they are. The error is that of the assignment's context, which has ended.
func (o *OverflowPartition) Contains(key []byte) (bool, error) {
	if !o.known.Load() {
		if err := o.lockKnown(); err != nil {
			return false, err
		}
		o.unlock()
	}
	holds, ask := o.containsByLast(key)
	if ask {
		if committed, err := o.overflow.fetchCommitted(o.assignment.Context(), o.partition); err == nil {
			o.setCommitted(committed)
		}
		holds, _ = o.containsByLast(key)
	}
	return holds, nil
}

// containsByLast is has by what was answered last; ask says that it is time to ask again. It forgets
// a key whose last copy has been worked off.
func (o *OverflowPartition) containsByLast(key []byte) (holds, ask bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last, is := o.last[string(key)]
	switch {
	case !is:
		return false, false
	case last < o.committed:
		delete(o.last, string(key))
		return false, false
	}
	if ask = time.Since(o.requestedAt) > o.overflow.cfg.Commit/2; ask {
		o.requestedAt = time.Now()
	}
	return true, ask
}

func (o *OverflowPartition) setCommitted(offset int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.committed = max(o.committed, offset)
}
