package group

// This file tells a record that holds up the window from one of many that are slow.

// BlockedBy reports whether the window has no room and it is for want of one record: the
// lowest unfinished of a partition that holds its share of the window, most of it
// finished. The rest may wait behind the record, as those of its key do; where most is
// not finished the work is slow for all, or the key is most of the partition.
//
// A full window has such a share in one partition at least. It takes half of an even one,
// lest what holds next to nothing is given up when another holds the window up.
func (m *Member) BlockedBy(t Task) bool {
	if !m.window.isFull() {
		return false
	}
	m.mu.Lock()
	share := int(m.window.size) / (2 * max(len(m.assignments), 1))
	m.mu.Unlock()
	return t.Assignment.isHeldUpBy(t.seq, share)
}

// isHeldUpBy reports whether record seq is the lowest unfinished, with no less than least
// held from it on and most of that finished. An assignment that closes is held
// up by nothing: it takes no more.
func (a *Assignment) isHeldUpBy(seq uint64, least int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.marks.Outstanding()
	return !a.closing && !a.retired && a.marks.low == seq && out >= max(least, 1) && 2*a.marks.countCompletedAbove() > out
}
