package pool

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

// Sequencer applies records in the order of their key, whatever the order in which they get
// ready. It has a queue for each key with records in the pod, so the window limits it.
//
// No goroutine waits in it. A goroutine that makes the first record of a queue ready applies
// it, and then the ready records behind it. Meanwhile other goroutines only mark theirs.
//
// Once a record fails because its assignment has ended, the records of that assignment behind
// it are not applied: the next owner starts with the first of them.
//
// The zero value is ready to use. Safe for concurrent use.
type Sequencer struct {
	mu     sync.Mutex
	queues map[uint64]*keyQueue // queues by shard
}

// keyQueue has the records of a key, in log order.
type keyQueue struct {
	shard      uint64
	head, tail *Entry
	applying   bool              // applying: a goroutine applies records of the queue
	broken     *group.Assignment // broken is the assignment of the last record that failed
}

// Entry is a record in the queue of its key.
type Entry struct {
	group.Task
	View    harness.Record // View is what the work gets; the caller fills it
	Started bool           // Started is set by the caller: what Task.Start reported
	ready   bool           // ready is under the sequencer's lock
	queue   *keyQueue
	next    *Entry
}

// Append puts a record at the end of the queue of its key. Two goroutines must not append
// records of one key at once.
func (s *Sequencer) Append(shard uint64, t group.Task) *Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[shard]
	if q == nil {
		if s.queues == nil {
			s.queues = map[uint64]*keyQueue{}
		}
		q = &keyQueue{shard: shard}
		s.queues[shard] = q
	}
	e := &Entry{Task: t, queue: q}
	if q.head == nil {
		q.head = e
	} else {
		q.tail.next = e
	}
	q.tail = e
	return e
}

// MarkReady says that a record may be applied when it is first in its queue. It calls apply
// for each record that is; apply reports whether the record is completed. MarkReady
// finishes the tasks of these records and recycles them.
func (s *Sequencer) MarkReady(e *Entry, apply func(*Entry) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.ready = true
	q := e.queue
	if q.applying {
		return
	}
	q.applying = true
	for q.head != nil && q.head.ready {
		if e := q.head; !s.applyHead(q, e, apply) {
			q.broken = e.Assignment
		}
		q.head = q.head.next
	}
	q.applying = false
	if q.head == nil {
		delete(s.queues, q.shard)
	}
}

// applyHead applies the first record of a queue and reports whether it is completed. It
// releases the lock meanwhile, and holds it again even if apply panics.
func (s *Sequencer) applyHead(q *keyQueue, e *Entry, apply func(*Entry) bool) (completed bool) {
	able := e.Started && q.broken != e.Assignment
	s.mu.Unlock()
	defer s.mu.Lock()
	completed = able && apply(e)
	if e.Started {
		e.Finish(completed)
	}
	client.ClearRecord(&e.View)
	e.Record.Recycle()
	return completed
}
