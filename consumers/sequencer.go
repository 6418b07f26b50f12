package consumers

import (
	"sync"

	"github.com/stampede-bench/stampede/harness"
)

// sequencer brings records that get ready in any order into the order of their key. It
// has a line for each key that has records in the pod, so the window bounds it. Nobody
// waits in it: who makes a record ready at the head of its line applies it, and what is
// ready behind it, one at a time; who makes another ready leaves that to him.
//
// Once a record has no effect, since its assignment has ended, those behind it of the same
// assignment have none either, ready or not: the next owner begins with the first.
type sequencer struct {
	mu    sync.Mutex
	lines map[uint64]*line // lines by shard
}

// line is the records of a key, in the order of the log.
type line struct {
	shard      uint64
	head, tail *turn
	applying   bool        // applying: somebody works the line off
	broken     *assignment // broken is where the last record without an effect was from
}

// turn is a record in the line of its key.
type turn struct {
	task
	view  harness.Record
	begun bool // begun: its assignment let it begin
	ready bool // ready for its turn; under the sequencer's lock
	of    *line
	next  *turn
}

// enter puts a record at the end of the line of its key.
func (s *sequencer) enter(shard uint64, t task) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[shard]
	if l == nil {
		l = &line{shard: shard}
		s.lines[shard] = l
	}
	one := &turn{task: t, of: l}
	if l.head == nil {
		l.head = one
	} else {
		l.tail.next = one
	}
	l.tail = one
	return one
}

// ready says that a record can have its turn. apply is called for those whose turn it is,
// and reports whether they had their effect.
func (s *sequencer) ready(t *turn, apply func(*turn) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ready = true
	l := t.of
	if l.applying {
		return
	}
	l.applying = true
	for l.head != nil && l.head.ready {
		if one := l.head; !s.one(l, one, apply) {
			l.broken = one.from
		}
		l.head = l.head.next
	}
	l.applying = false
	if l.head == nil {
		delete(s.lines, l.shard)
	}
}

// one ends a record whose turn it is, and reports whether it had its effect. The lock is
// not held while it is applied, and is again even if that panics.
func (s *sequencer) one(l *line, t *turn, apply func(*turn) bool) (done bool) {
	able := t.begun && l.broken != t.from
	s.mu.Unlock()
	defer s.mu.Lock()
	done = able && apply(t)
	if t.begun {
		t.from.finish(t.seq, done)
	}
	empty(&t.view)
	t.record.Recycle()
	return done
}
