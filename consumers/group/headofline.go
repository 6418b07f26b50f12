package group

// BlockedBy reports whether the window is full because of one record: t is the lowest
// outstanding record of its partition, the partition holds its part of the window,
// and most of that is completed. The completed rest waits only for t.
//
// Where most is not completed the work is slow for all records, or one key has most
// of the partition. Then no single record is to blame.
//
// A partition must hold at least half of an equal part of the window. A full window has
// such a partition, and a record of a partition that holds little is not blamed for it.
func (m *Member) BlockedBy(t Task) bool {
	if !m.window.isFull() {
		return false
	}
	m.mu.Lock()
	least := int(m.window.size) / (2 * max(len(m.assignments), 1))
	m.mu.Unlock()
	return t.Assignment.isBlockedBy(t.seq, least)
}

// isBlockedBy reports whether record seq is the lowest outstanding, with at least least
// records from it on, most of them completed. An assignment that is closing accepts no
// more records, so nothing blocks it.
func (a *Assignment) isBlockedBy(seq uint64, least int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	outstanding := a.marks.Outstanding()
	return !a.closing && !a.retired && a.marks.low == seq && outstanding >= max(least, 1) && 2*a.marks.countCompletedAbove() > outstanding
}
