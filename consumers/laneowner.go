package consumers

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// laneOwner is one partition of the lane, as the owner of the source's partition knows it
// under one assignment: which keys have copies there that may not have been worked off, and
// the right to append more, which nobody else has meanwhile (see [claims]). An owner gets
// it before it reads what is there, so that it misses nothing.
//
// A transaction of which the end is in doubt is there as a whole or not at all, and nobody
// else's can be. So what is found past the end as it was known is just that.
type laneOwner struct {
	lane *lane
	of   *assignment
	part int32

	// turn is a lock, full while copies are made or the right to it is got. It is held
	// over the network, and a mutex held that long would stop the clock where time is virtual.
	turn   chan struct{}
	copies *copier // copies is nil while there is no right to copy; under turn
	end    int64   // end is one past the last that is known of the lane, -1 at first; under turn

	known atomic.Bool // known: what was there at first has been read

	mu        sync.Mutex
	last      map[string]int64 // last has the offset of the last copy of each key
	committed int64            // committed is up to where all has been worked off
	asked     time.Time        // asked is when the group was asked last
}

func newLaneOwner(l *lane, a *assignment, partition int32) *laneOwner {
	return &laneOwner{lane: l, of: a, part: partition, turn: make(chan struct{}, 1), end: -1, last: map[string]int64{}}
}

// close is for the end of the assignment, whose context ends all that is under way. A
// transaction among it the next owner has settled by the broker.
func (o *laneOwner) close() {
	o.turn <- struct{}{}
	o.drop()
}

func (o *laneOwner) drop() {
	if o.copies != nil {
		o.copies.close()
		o.copies = nil
	}
}

// enter waits for a turn, in which what was in the lane at first is known. The error is
// that of the assignment's context, which has ended.
func (o *laneOwner) enter() error {
	select {
	case o.turn <- struct{}{}:
	case <-o.of.ctx.Done():
		return o.of.ctx.Err()
	}
	for !o.known.Load() {
		if _, err := o.open(); err != nil {
			if err := pauseIn(o.of.ctx, err); err != nil {
				o.leave()
				return err
			}
		}
	}
	return nil
}

func (o *laneOwner) leave() { <-o.turn }

// open gets the right to copy and reads what the lane has beyond what is known. found: there
// are copies in it.
func (o *laneOwner) open() (found bool, err error) {
	copies, err := o.lane.claim(o.of.ctx, o.of, o.part, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return false, fmt.Errorf("open the lane: %w", err)
	}
	found, err = o.read()
	if err != nil {
		copies.close()
		return false, fmt.Errorf("open the lane: %w", err)
	}
	o.copies = copies
	o.known.Store(true)
	return found, nil
}

func (o *laneOwner) read() (found bool, err error) {
	ctx, from := o.of.ctx, o.end
	if from < 0 {
		if from, err = o.lane.committed(ctx, o.part); err != nil {
			return false, err
		}
		o.setCommitted(from)
	}
	end, err := o.lane.end(ctx, o.part)
	if err != nil {
		return false, err
	}
	err = o.lane.read(ctx, o.part, from, end, func(r *kgo.Record) {
		found = true
		o.note(r)
	})
	if err == nil {
		o.end = max(from, end)
	}
	return found, err
}

func (o *laneOwner) note(r *kgo.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last[string(r.Key)] = r.Offset
}

// divert appends copies of records of one key, in their order, and returns once the broker
// has all of them. The error is that of the assignment's context, which has ended.
func (o *laneOwner) divert(records []*kgo.Record) error {
	if err := o.enter(); err != nil {
		return err
	}
	defer o.leave()
	for inDoubt := false; ; {
		found, err := false, error(nil)
		if o.copies == nil {
			found, err = o.open()
		}
		switch {
		case err != nil:
		case inDoubt && found:
			return nil
		default:
			var last *kgo.Record
			if last, err = o.copies.transact(o.of.ctx, o.lane.to, records); err == nil {
				o.note(last)
				o.end = last.Offset + 1
				return nil
			}
			inDoubt = true
			o.drop()
		}
		if err := pauseIn(o.of.ctx, err); err != nil {
			return err
		}
	}
}

// has reports whether copies of a key may not have been worked off. How far the lane is it
// asks at most twice a commit interval: an older answer is too low, and only keeps keys
// where they are. The error is that of the assignment's context, which has ended.
func (o *laneOwner) has(key []byte) (bool, error) {
	if !o.known.Load() {
		if err := o.enter(); err != nil {
			return false, err
		}
		o.leave()
	}
	holds, ask := o.holds(key)
	if ask {
		if committed, err := o.lane.committed(o.of.ctx, o.part); err == nil {
			o.setCommitted(committed)
		}
		holds, _ = o.holds(key)
	}
	return holds, nil
}

// holds is has by what was answered last; ask says that it is time to ask again. It forgets
// a key whose last copy has been worked off.
func (o *laneOwner) holds(key []byte) (holds, ask bool) {
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
	if ask = time.Since(o.asked) > o.lane.cfg.Commit/2; ask {
		o.asked = time.Now()
	}
	return true, ask
}

func (o *laneOwner) setCommitted(offset int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.committed = max(o.committed, offset)
}
