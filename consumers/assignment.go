package consumers

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// assignment is one assignment of one partition to this pod, from the moment
// the group gave it until it took it back. A partition that comes back later is
// another assignment: records of the first can then neither start nor be
// committed, however late their turn comes. Safe for concurrent use.
type assignment struct {
	ctx    context.Context // ctx of the work on its records
	cancel context.CancelFunc
	window *window
	member string // member is the id under which the group gave it

	mu        sync.Mutex
	marks     watermark
	kept      *progress     // kept is nil unless the consumer keeps finished offsets in its commits
	committed commit        // committed is the last that the group has from here, offset -1 for none
	stock     []*kgo.Record // stock is fetched and not taken, where the member has any
	enough    int           // enough is how much may be out before it wants more of its stock
	hungry    func()        // hungry says that it does
	paused    bool          // paused: the client does not fetch it; under the member's lock
	running   int           // running counts records in work
	started   uint64        // started is one past the newest record that began
	limit     uint64        // limit is where no record begins any more, once closing
	closing   bool
	quiet     chan struct{} // quiet is closed when closing and all that may still be done is done
	settled   bool          // settled: quiet is closed
	retired   bool
}

// commit is what the group is to know of a partition.
type commit struct {
	at   kgo.EpochOffset
	text string // text goes with it, where finished offsets are kept
}

func newAssignment(parent context.Context, w *window) *assignment {
	a := &assignment{window: w, committed: commit{at: kgo.EpochOffset{Offset: -1}}, quiet: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(parent)
	return a
}

// task is one record taken under an assignment, on its way to the work.
type task struct {
	record *kgo.Record
	from   *assignment
	seq    uint64
}

// take makes tasks of records just polled. The end of a transaction is none, and done.
func (a *assignment) take(records []*kgo.Record, into []task) []task {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.taken(records, into, func(r *kgo.Record) bool { return r.Attrs.IsControl() })
}

// taken makes tasks of records but those that are done. The caller holds mu.
func (a *assignment) taken(records []*kgo.Record, into []task, done func(*kgo.Record) bool) []task {
	a.window.take(len(records))
	freed := 0
	for _, r := range records {
		seq := a.marks.take(r.Offset, r.LeaderEpoch)
		if done(r) {
			freed += a.marks.finish(seq)
			r.Recycle()
			continue
		}
		into = append(into, task{record: r, from: a, seq: seq})
	}
	a.window.release(freed)
	return into
}

// pass has the watermark go past an offset, and what lies before it and was not taken,
// once all that was taken has finished.
func (a *assignment) pass(offset int64, epoch int32) {
	a.window.take(1)
	a.mu.Lock()
	freed := a.marks.finish(a.marks.take(offset, epoch))
	a.mu.Unlock()
	a.window.release(freed)
}

// resume is take for a consumer that keeps finished offsets: it makes no tasks of
// those that the owner before had finished. The records come from an incarnation
// of the topic whose log ends at end.
func (a *assignment) resume(topic [16]byte, end int64, records []*kgo.Record, into []task) []task {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.begin(topic, records[0].Offset, end)
	return a.taken(records, into, func(r *kgo.Record) bool {
		return a.kept.take(r.Offset, r.LeaderEpoch) || r.Attrs.IsControl()
	})
}

// tell has what the group knows of the partition as it is given, if anybody cares.
func (a *assignment) tell(at kgo.EpochOffset, metadata string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept != nil {
		a.kept.tell(at, metadata)
	}
}

// start asks to begin the work on record seq. A caller that is refused drops
// the record without a word: it stays unfinished here, and whoever owns the
// partition next gets it.
func (a *assignment) start(seq uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing && seq >= a.limit {
		return false
	}
	a.running++
	a.started = max(a.started, seq+1)
	return true
}

// finish ends what start allowed; effect says whether the work had it.
func (a *assignment) finish(seq uint64, effect bool) {
	a.mu.Lock()
	a.running--
	freed := 0
	if effect && !a.retired {
		freed = a.marks.finish(seq)
	}
	if a.closing {
		a.settle()
	}
	hungry := len(a.stock) > 0 && a.marks.out() <= a.enough
	a.mu.Unlock()
	a.window.release(freed)
	if hungry {
		a.hungry()
	}
}

// close lets no record begin past the newest that has. Those before it may, as
// they are the gaps: with them finished nothing of what was done here is done
// again by the next owner, and nothing else needs doing. Where finished offsets are
// kept, gaps may stay.
func (a *assignment) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closing {
		a.closing, a.limit = true, a.started
		if a.kept != nil && a.kept.known() && !a.kept.cut {
			a.limit = 0
		}
		a.settle()
	}
}

// halt lets no record begin, gaps neither.
func (a *assignment) halt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closing, a.limit = true, 0
	a.settle()
}

// abandon halts all of the assignments and then cancels the work under way:
// halted one by one, a worker that the first sets free would begin a record of
// the next.
func abandon(ending map[partition]*assignment) {
	for _, a := range ending {
		a.halt()
	}
	for _, a := range ending {
		a.cancel()
	}
}

// await waits until all that may be done under the assignments is done, and
// reports whether that came within the budget.
func await(ending map[partition]*assignment, budget time.Duration) bool {
	timer := time.NewTimer(budget)
	defer timer.Stop()
	for _, a := range ending {
		select {
		case <-a.quiet:
		case <-timer.C:
			return false
		}
	}
	return true
}

func (a *assignment) settle() {
	if !a.settled && a.running == 0 && a.marks.low >= a.limit {
		a.settled = true
		close(a.quiet)
	}
}

// retire is the end: what finishes from now on counts for nothing.
func (a *assignment) retire() {
	a.halt()
	a.cancel()
	a.mu.Lock()
	held := 0
	if !a.retired {
		a.retired = true
		held = a.marks.out()
		a.marks.ring, a.stock = nil, nil
	}
	a.mu.Unlock()
	a.window.release(held)
}

// uncommitted is what to commit, if the group does not have it yet and the
// assignment has not ended. room is for the text to go with it.
func (a *assignment) uncommitted(room int) (next commit, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept != nil && !a.retired {
		next.at, next.text, ok = a.kept.handOn(&a.marks, room)
	} else {
		next.at, ok = a.marks.commit()
	}
	return next, ok && !a.retired && (next.at.Offset != a.committed.at.Offset || next.text != a.committed.text)
}

func (a *assignment) setCommitted(c commit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.committed = c
}
