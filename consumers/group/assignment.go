package group

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Assignment is one assignment of one partition to this pod, from the moment
// the group gave it until it took it back. A partition that comes back later is
// another assignment: records of the first can then neither start nor be
// committed, however late their turn comes. Safe for concurrent use.
type Assignment struct {
	ctx       context.Context // ctx of the work on its records
	partition TopicPartition
	cancel    context.CancelFunc
	window    *Window
	memberID  string // memberID is the id under which the group gave it

	mu        sync.Mutex
	marks     Watermark
	handover  *handover     // handover is nil unless the consumer keeps finished offsets in its commits
	committed commitPoint   // committed is the last that the group has from here, offset -1 for none
	buffer    []*kgo.Record // buffer is fetched and not taken, where the member has any
	lowMark   int           // lowMark is how much may be out before it wants more of its stock
	onLow     func()        // onLow says that it does
	paused    bool          // paused: the client does not fetch it; under the member's lock
	running   int           // running counts records in work
	started   uint64        // started is one past the newest record that began
	limit     uint64        // limit is where no record begins any more, once closing
	closing   bool
	quiet     chan struct{} // quiet is closed when closing and all that may still be done is done
	settled   bool          // settled: quiet is closed
	retired   bool
}

// commitPoint is what the group is to know of a partition.
type commitPoint struct {
	at   kgo.EpochOffset
	text string // text goes with it, where finished offsets are kept
}

// NewAssignment is an assignment of a partition to the member with an id. It ends with
// ctx at the latest. Its records take room of w.
func NewAssignment(ctx context.Context, p TopicPartition, memberID string, w *Window) *Assignment {
	a := &Assignment{partition: p, memberID: memberID, window: w, committed: commitPoint{at: kgo.EpochOffset{Offset: -1}}, quiet: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// Context is the context of the work on the assignment's records. It ends with the
// assignment, or when the drain budget is over.
func (a *Assignment) Context() context.Context { return a.ctx }

// Partition is the partition that was assigned.
func (a *Assignment) Partition() TopicPartition { return a.partition }

// Uncommitted is the offset to commit, if the group does not have it yet and the
// assignment has not ended.
func (a *Assignment) Uncommitted() (next kgo.EpochOffset, ok bool) {
	point, ok := a.uncommittedPoint(0)
	return point.at, ok
}

// Outstanding is the number of records accepted and not below the watermark.
func (a *Assignment) Outstanding() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.marks.Outstanding()
}

// Cancel ends the context of the work under way.
func (a *Assignment) Cancel() { a.cancel() }

// Quiet is closed when the assignment takes no more records and no work is under way.
func (a *Assignment) Quiet() <-chan struct{} { return a.quiet }

// MemberID is the id under which the group assigned the partition.
func (a *Assignment) MemberID() string { return a.memberID }

// Task is one record taken under an assignment, on its way to the work.
type Task struct {
	Record     *kgo.Record
	Assignment *Assignment
	seq        uint64
}

// Start asks to begin the work on the record. A caller that is refused drops the
// record without a word: it stays incomplete here, and the next owner of the partition gets it.
func (t Task) Start() bool { return t.Assignment.startRecord(t.seq) }

// Finish ends what Start allowed. completed says whether the work had its effect.
func (t Task) Finish(completed bool) { t.Assignment.finishRecord(t.seq, completed) }

// Accept makes tasks of records just polled. The end of a transaction is none, and done.
func (a *Assignment) Accept(records []*kgo.Record, into []Task) []Task {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.acceptRecords(records, into, func(r *kgo.Record) bool { return r.Attrs.IsControl() })
}

// acceptRecords makes tasks of records but those that are done. The caller holds mu.
func (a *Assignment) acceptRecords(records []*kgo.Record, into []Task, done func(*kgo.Record) bool) []Task {
	a.window.Reserve(len(records))
	freed := 0
	for _, r := range records {
		seq := a.marks.Track(r.Offset, r.LeaderEpoch)
		if done(r) {
			freed += a.marks.Complete(seq)
			r.Recycle()
			continue
		}
		into = append(into, Task{Record: r, Assignment: a, seq: seq})
	}
	a.window.Release(freed)
	return into
}

// passOffset has the watermark go past an offset, and what lies before it and was not taken,
// once all that was taken has finished.
func (a *Assignment) passOffset(offset int64, epoch int32) {
	a.window.Reserve(1)
	a.mu.Lock()
	freed := a.marks.Complete(a.marks.Track(offset, epoch))
	a.mu.Unlock()
	a.window.Release(freed)
}

// acceptUncompleted is take for a consumer that keeps finished offsets: it makes no tasks of
// those that the owner before had finished. The records come from an incarnation
// of the topic whose log ends at end.
func (a *Assignment) acceptUncompleted(topic [16]byte, end int64, records []*kgo.Record, into []Task) []Task {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handover.startAt(topic, records[0].Offset, end)
	return a.acceptRecords(records, into, func(r *kgo.Record) bool {
		return a.handover.noteAccepted(r.Offset, r.LeaderEpoch) || r.Attrs.IsControl()
	})
}

// setPreviousCommit has what the group knows of the partition as it is given, if anybody cares.
func (a *Assignment) setPreviousCommit(at kgo.EpochOffset, metadata string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handover != nil {
		a.handover.setPrevious(at, metadata)
	}
}

// startRecord asks to begin the work on record seq. A caller that is refused drops
// the record without a word: it stays unfinished here, and whoever owns the
// partition next gets it.
func (a *Assignment) startRecord(seq uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing && seq >= a.limit {
		return false
	}
	a.running++
	a.started = max(a.started, seq+1)
	return true
}

// finishRecord ends what start allowed; effect says whether the work had it.
func (a *Assignment) finishRecord(seq uint64, effect bool) {
	a.mu.Lock()
	a.running--
	freed := 0
	if effect && !a.retired {
		freed = a.marks.Complete(seq)
	}
	if a.closing {
		a.closeIfQuiet()
	}
	hungry := len(a.buffer) > 0 && a.marks.Outstanding() <= a.lowMark
	a.mu.Unlock()
	a.window.Release(freed)
	if hungry {
		a.onLow()
	}
}

// stopAtNewest lets no record begin past the newest that has. Those before it may, as
// they are the gaps: with them finished nothing of what was done here is done
// again by the next owner, and nothing else needs doing. Where finished offsets are
// kept, gaps may stay.
func (a *Assignment) stopAtNewest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closing {
		a.closing, a.limit = true, a.started
		if a.handover != nil && a.handover.hasTopicID() && !a.handover.truncated {
			a.limit = 0
		}
		a.closeIfQuiet()
	}
}

// Halt lets no record begin, gaps neither.
func (a *Assignment) Halt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closing, a.limit = true, 0
	a.closeIfQuiet()
}

// cancelAssignments halts all of the assignments and then cancels the work under way:
// halted one by one, a worker that the first sets free would begin a record of
// the next.
func cancelAssignments(ending map[TopicPartition]*Assignment) {
	for _, a := range ending {
		a.Halt()
	}
	for _, a := range ending {
		a.cancel()
	}
}

// waitQuiet waits until all that may be done under the assignments is done, and
// reports whether that came within the budget.
func waitQuiet(ending map[TopicPartition]*Assignment, budget time.Duration) bool {
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

func (a *Assignment) closeIfQuiet() {
	if !a.settled && a.running == 0 && a.marks.low >= a.limit {
		a.settled = true
		close(a.quiet)
	}
}

// retireAssignment is the end: what finishes from now on counts for nothing.
func (a *Assignment) retireAssignment() {
	a.Halt()
	a.cancel()
	a.mu.Lock()
	held := 0
	if !a.retired {
		a.retired = true
		held = a.marks.Outstanding()
		a.marks.ring, a.buffer = nil, nil
	}
	a.mu.Unlock()
	a.window.Release(held)
}

// uncommittedPoint is what to commit, if the group does not have it yet and the
// assignment has not ended. room is for the text to go with it.
func (a *Assignment) uncommittedPoint(room int) (next commitPoint, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handover != nil && !a.retired {
		next.at, next.text, ok = a.handover.nextCommit(&a.marks, room)
	} else {
		next.at, ok = a.marks.Offset()
	}
	return next, ok && !a.retired && (next.at.Offset != a.committed.at.Offset || next.text != a.committed.text)
}

func (a *Assignment) setCommitted(c commitPoint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.committed = c
}
