package observe

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// fetchStep is how many records a pod reads on before the next of its fetches is written: at a
// low rate there is a fetch for each record.
const fetchStep = 16

// fetchedTo is the last fetch of a partition that was written.
type fetchedTo struct {
	owner  ledger.Owner
	offset int64
	left   ledger.Slot // left is the last fetch, if it was not written.
	isLeft bool
}

// recordFetch writes from where a pod reads on in the source, if another one read there last, or
// if it reads on a step further or at an earlier place.
func (w *Watcher) recordFetch(f harness.Fetch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindFetched, w.cfg.OwnerOf(f.ClientID)).With(ledger.OutcomeConfirmed)
	at, ok := w.locate(f.Topic, f.Partition, f.At)
	if s.Owner() == 0 || !ok || at.Topic != 0 || f.Offset < 0 {
		return
	}
	s.Partition = at.Partition
	s.SetFetched(f.Offset, f.At)
	last := &w.fetched[at.Partition]
	if last.owner == s.Owner() && last.offset <= f.Offset && f.Offset < last.offset+fetchStep {
		last.left, last.isLeft = s, f.Offset > last.offset
		return
	}
	*last = fetchedTo{owner: s.Owner(), offset: f.Offset}
	w.writeSlots(s)
}

// writeLeftFetch writes the last fetch of a partition of the source by an owner, if it was not written. The caller
// holds mu.
func (w *Watcher) writeLeftFetch(partition int32, owner ledger.Owner) {
	if last := &w.fetched[partition]; last.owner == owner && last.isLeft {
		last.isLeft = false
		w.writeSlots(last.left)
	}
}
