package consumers

// This file tells a record that holds up the window from one of many that are slow.

// blockedBy reports whether the window has no room and it is for want of one record: the
// lowest unfinished of a partition that holds its share of the window, most of it
// finished. The rest may wait behind the record, as those of its key do; where most is
// not finished the work is slow for all, or the key is most of the partition.
//
// A full window has such a share in one partition at least. It takes half of an even one,
// lest what holds next to nothing is given up when another holds the window up.
func (m *member) blockedBy(t task) bool {
	if !m.window.full() {
		return false
	}
	m.mu.Lock()
	share := int(m.window.size) / (2 * max(len(m.owned), 1))
	m.mu.Unlock()
	return t.from.heldUpBy(t.seq, share)
}

// heldUpBy reports whether record seq is the lowest unfinished, with no less than least
// held from it on and most of that finished. An assignment that closes is held
// up by nothing: it takes no more.
func (a *assignment) heldUpBy(seq uint64, least int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.marks.out()
	return !a.closing && !a.retired && a.marks.low == seq && out >= max(least, 1) && 2*a.marks.above() > out
}
