package group

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Assignment is one assignment of one partition to this pod, until the group revokes it.
// A partition that comes back later is another assignment: a record of the first can
// then neither start nor be committed. Safe for concurrent use.
type Assignment struct {
	ctx      context.Context // ctx of the work on its records
	cancel   context.CancelFunc
	window   *Window
	memberID string // memberID is the id under which the group assigned it

	mu        sync.Mutex
	marks     Watermark
	handover  *handover     // handover is nil unless commits carry completed offsets
	committed commitPoint   // committed is the last commit of this assignment, offset -1 for none
	buffer    []*kgo.Record // buffer has records that are fetched and not accepted yet
	lowMark   int           // lowMark is how many records may be outstanding when more of the buffer are wanted
	onLow     func()        // onLow is called then
	paused    bool          // paused: the client does not fetch the partition; under the member's lock
	running   int           // running counts records in work
	started   uint64        // started is one past the newest record that has started
	limit     uint64        // limit is the first record that may not start, once closing
	closing   bool
	quiet     chan struct{} // quiet is closed when closing and all records below limit are completed
	isQuiet   bool          // isQuiet: quiet is closed
	retired   bool

	partition TopicPartition // at the end, so that the fields above share their cache lines
}

// Assignments are assignments by partition.
type Assignments map[TopicPartition]*Assignment

// commitPoint is what the group should know of a partition.
type commitPoint struct {
	at   kgo.EpochOffset
	text string // text is the metadata, where commits carry completed offsets
}

// NewAssignment is an assignment of a partition to the member with an id. It ends with
// ctx at the latest. Its records take room in w.
func NewAssignment(ctx context.Context, p TopicPartition, memberID string, w *Window) *Assignment {
	a := &Assignment{
		partition: p, memberID: memberID, window: w,
		committed: commitPoint{at: kgo.EpochOffset{Offset: -1}}, quiet: make(chan struct{}),
	}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// Context is the context of the work on the assignment's records. It ends with the
// assignment, or when the drain budget is over.
func (a *Assignment) Context() context.Context { return a.ctx }

// Partition is the partition that was assigned.
func (a *Assignment) Partition() TopicPartition { return a.partition }

// MemberID is the id under which the group assigned the partition.
func (a *Assignment) MemberID() string { return a.memberID }

// Outstanding is the number of records accepted and not below the watermark.
func (a *Assignment) Outstanding() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.marks.Outstanding()
}

// Highest is the offset after the highest record that is completed, whatever is below
// it; ok is false if no record is.
func (a *Assignment) Highest() (next int64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.marks.Highest()
}

// Watermark is the low watermark; ok is false as long as there is none. It stays after the
// assignment has ended.
func (a *Assignment) Watermark() (next kgo.EpochOffset, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.marks.Offset()
}

// Uncommitted is the low watermark, the offset to commit. ok is false if the group has it
// already or the assignment has ended.
func (a *Assignment) Uncommitted() (next kgo.EpochOffset, ok bool) {
	point, ok := a.uncommittedPoint(0)
	return point.at, ok
}

// Halt lets no record start from now on.
func (a *Assignment) Halt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closing, a.limit = true, 0
	a.closeIfQuiet()
}

// Cancel ends the context of the work.
func (a *Assignment) Cancel() { a.cancel() }

// Quiet is closed once no record may start and no record is in work.
func (a *Assignment) Quiet() <-chan struct{} { return a.quiet }

// Accept makes tasks of records just polled and appends them to into. Control records of
// transactions are completed at once.
func (a *Assignment) Accept(records []*kgo.Record, into []Task) []Task {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.acceptRecords(records, into, func(r *kgo.Record) bool { return r.Attrs.IsControl() })
}

// acceptUncompleted is Accept without tasks for the records that the previous owner has
// completed. topic is the id of the topic that the records are of, and end the end of
// the partition's log.
func (a *Assignment) acceptUncompleted(topic [16]byte, end int64, records []*kgo.Record, into []Task) []Task {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handover.startAt(topic, records[0].Offset, end)
	return a.acceptRecords(records, into, func(r *kgo.Record) bool {
		return a.handover.noteAccepted(r.Offset, r.LeaderEpoch) || r.Attrs.IsControl()
	})
}

// acceptRecords makes tasks of records that are not completed. The caller holds mu.
func (a *Assignment) acceptRecords(records []*kgo.Record, into []Task, completed func(*kgo.Record) bool) []Task {
	a.window.Reserve(len(records))
	freed := 0
	for _, r := range records {
		seq := a.marks.Track(r.Offset, r.LeaderEpoch)
		if completed(r) {
			freed += a.marks.Complete(seq)
			r.Recycle()
			continue
		}
		into = append(into, Task{Record: r, Assignment: a, seq: seq})
	}
	a.window.Release(freed)
	return into
}

// passOffset lets the watermark pass an offset, and all before it that was not accepted,
// once all accepted records are completed.
func (a *Assignment) passOffset(offset int64, epoch int32) {
	a.window.Reserve(1)
	a.mu.Lock()
	freed := a.marks.Complete(a.marks.Track(offset, epoch))
	a.mu.Unlock()
	a.window.Release(freed)
}

// setPreviousCommit remembers the commit of the previous owner, where commits carry
// completed offsets.
func (a *Assignment) setPreviousCommit(at kgo.EpochOffset, metadata string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handover != nil {
		a.handover.setPrevious(at, metadata)
	}
}

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

func (a *Assignment) finishRecord(seq uint64, completed bool) {
	a.mu.Lock()
	a.running--
	freed := 0
	if completed && !a.retired {
		freed = a.marks.Complete(seq)
	}
	if a.closing {
		a.closeIfQuiet()
	}
	low := len(a.buffer) > 0 && a.marks.Outstanding() <= a.lowMark
	a.mu.Unlock()
	a.window.Release(freed)
	if low {
		a.onLow()
	}
}

// stopAtNewest lets no record start after the newest that has started. The gaps before
// it may start: once they are completed, the next owner repeats nothing. Where commits
// carry completed offsets, gaps need not start.
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

// closeIfQuiet closes quiet when it is time. The caller holds mu.
func (a *Assignment) closeIfQuiet() {
	if !a.isQuiet && a.running == 0 && a.marks.low >= a.limit {
		a.isQuiet = true
		close(a.quiet)
	}
}

// retireAssignment ends the assignment: records that finish from now on are not completed.
func (a *Assignment) retireAssignment() {
	a.Halt()
	a.cancel()
	a.mu.Lock()
	outstanding := 0
	if !a.retired {
		a.retired = true
		outstanding = a.marks.Outstanding()
		a.marks.ring, a.buffer = nil, nil
	}
	a.mu.Unlock()
	a.window.Release(outstanding)
}

// uncommittedPoint is what to commit. ok is false if the group has it already or the
// assignment has ended. room is the size of the metadata, in characters.
func (a *Assignment) uncommittedPoint(room int) (next commitPoint, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handover != nil && !a.retired {
		next.at, next.text, ok = a.handover.nextCommit(&a.marks, room)
	} else {
		next.at, ok = a.marks.Offset()
	}
	return next, ok && a.differsFromCommitted(next)
}

// isUncommitted reports whether the group does not have next and the assignment has not
// ended.
func (a *Assignment) isUncommitted(next commitPoint) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.differsFromCommitted(next)
}

func (a *Assignment) differsFromCommitted(next commitPoint) bool {
	return !a.retired && (next.at.Offset != a.committed.at.Offset || next.text != a.committed.text)
}

func (a *Assignment) setCommitted(c commitPoint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.committed = c
}

// cancelAssignments halts all of the assignments before it cancels their work. Otherwise
// a worker that the first sets free would start a record of the next.
func cancelAssignments(ending Assignments) {
	for _, a := range ending {
		a.Halt()
	}
	for _, a := range ending {
		a.cancel()
	}
}

// waitQuiet waits until all of the assignments are quiet, and reports whether they were
// within the budget.
func waitQuiet(ending Assignments, budget time.Duration) bool {
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
