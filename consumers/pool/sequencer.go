package pool

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

// Sequencer brings records that get ready in any order into the order of their key. It
// has a line for each key that has records in the pod, so the window bounds it. Nobody
// waits in it: who makes a record ready at the head of its line applies it, and what is
// ready behind it, one at a time; who makes another ready leaves that to him.
//
// Once a record has no effect, since its assignment has ended, those behind it of the same
// assignment have none either, ready or not: the next owner begins with the first.
type Sequencer struct {
	mu    sync.Mutex
	lines map[uint64]*keyQueue // lines by shard
}

// keyQueue is the records of a key, in the order of the log.
type keyQueue struct {
	shard      uint64
	head, tail *Entry
	applying   bool              // applying: somebody works the line off
	broken     *group.Assignment // broken is where the last record without an effect was from
}

// Entry is a record in the line of its key.
type Entry struct {
	group.Task
	View    harness.Record
	Started bool // Started: its assignment let it begin
	ready   bool // ready for its turn; under the sequencer's lock
	queue   *keyQueue
	next    *Entry
}

// Append puts a record at the end of the line of its key.
func (s *Sequencer) Append(shard uint64, t group.Task) *Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[shard]
	if l == nil {
		if s.lines == nil {
			s.lines = map[uint64]*keyQueue{}
		}
		l = &keyQueue{shard: shard}
		s.lines[shard] = l
	}
	one := &Entry{Task: t, queue: l}
	if l.head == nil {
		l.head = one
	} else {
		l.tail.next = one
	}
	l.tail = one
	return one
}

// MarkReady says that a record can have its turn. apply is called for those whose turn it is,
// and reports whether they had their effect.
func (s *Sequencer) MarkReady(t *Entry, apply func(*Entry) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ready = true
	l := t.queue
	if l.applying {
		return
	}
	l.applying = true
	for l.head != nil && l.head.ready {
		if one := l.head; !s.applyHead(l, one, apply) {
			l.broken = one.Assignment
		}
		l.head = l.head.next
	}
	l.applying = false
	if l.head == nil {
		delete(s.lines, l.shard)
	}
}

// applyHead ends a record whose turn it is, and reports whether it had its effect. The lock is
// not held while it is applied, and is again even if that panics.
func (s *Sequencer) applyHead(l *keyQueue, t *Entry, apply func(*Entry) bool) (done bool) {
	able := t.Started && l.broken != t.Assignment
	s.mu.Unlock()
	defer s.mu.Lock()
	done = able && apply(t)
	if t.Started {
		t.Finish(done)
	}
	client.ClearRecord(&t.View)
	t.Record.Recycle()
	return done
}
