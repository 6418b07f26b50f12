package measure

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// partition is what is open on one partition of the source topic: acked and not
// completed. A bit an offset for each of the two, and not a map of the open, which
// would cost more than all other measures together.
type partition struct {
	acks, ends ledger.Offsets // acked, completed
	open       int
	// queue has the open records in the order of due, and some that were completed
	// since. Those are dropped when they reach the front, or all at once when they
	// are the greater part. So a record that stays open for long costs no memory.
	queue           []waiting
	next, committed int64 // the highest acked offset + 1; the last commit
}

type waiting struct {
	due    time.Duration
	offset int64
}

// isOpen is for offsets in the queue, which are acked.
func (p *partition) isOpen(offset int64) bool { return !p.ends.Has(offset) }

// openRecord reports whether the record is open from now on: it is not if its
// effect came first.
func (p *partition) openRecord(offset int64, due time.Duration) bool {
	p.next = max(p.next, offset+1)
	if !p.acks.Add(offset) || p.ends.Has(offset) {
		return false
	}
	p.open++
	// One producer sends in the order of due, so the place is nearly always
	// the end.
	i := len(p.queue)
	for i > 0 && p.queue[i-1].due > due {
		i--
	}
	p.queue = slices.Insert(p.queue, i, waiting{due, offset})
	return true
}

// completeRecord reports whether the record was open until now.
func (p *partition) completeRecord(offset int64) bool {
	if !p.ends.Add(offset) || !p.acks.Has(offset) {
		return false
	}
	p.open--
	const spare = 256
	if len(p.queue) > 2*p.open+spare {
		p.queue = slices.DeleteFunc(p.queue, func(w waiting) bool { return !p.isOpen(w.offset) })
	}
	return true
}

// oldestDue is the due time of the open record that waits longest.
func (p *partition) oldestDue() (due time.Duration, ok bool) {
	for i, w := range p.queue {
		if p.isOpen(w.offset) {
			p.queue = slices.Delete(p.queue, 0, i)
			return w.due, true
		}
	}
	p.queue = p.queue[:0]
	return 0, false
}

// age is how long the oldest open record is overdue, 0 without one.
func (p *partition) age(now time.Duration) time.Duration {
	if due, ok := p.oldestDue(); ok {
		return max(0, now-due)
	}
	return 0
}

func (p *partition) backlog() int64 { return int64(p.open) }

// lag is 0 while a commit is ahead of the acks seen.
func (p *partition) lag() int64 { return max(0, p.next-p.committed) }
