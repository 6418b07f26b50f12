package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// fetch lets the owner of a partition of the source ask for more records.
func (w *simulation) fetch(p *simPartition) {
	if p.owner != nil {
		w.fetchTo(p, max(p.next, p.fetched)+w.r.Int64N(6))
	}
}

// fetchTo lets the owner ask for the records from an offset on, or from the end of the log, if it has not done so.
func (w *simulation) fetchTo(p *simPartition, offset int64) {
	if offset = min(offset, p.place.Offset); p.place.Topic > 0 || offset <= p.fetched {
		return
	}
	at := w.now
	if p.fetched < 0 && offset > p.next { // the first request is for where it begins
		w.event(ledger.Event{Kind: ledger.EventFetched, At: at, Owner: p.owner.owner, Partition: p.place.Partition, Offset: p.next})
	}
	p.fetched = offset
	w.event(ledger.Event{Kind: ledger.EventFetched, At: at, Owner: p.owner.owner, Partition: p.place.Partition, Offset: offset})
}

// declareBuffering mostly declares what no pod exceeds, and nothing otherwise.
func (w *simulation) declareBuffering() {
	if w.facts.Buffering = 0; w.facts.Share || w.r.IntN(4) == 0 {
		return
	}
	for _, s := range newReference(w, w.history()).buffered() {
		w.facts.Buffering = max(w.facts.Buffering, s.records)
	}
	w.facts.Buffering += 1 + w.r.IntN(3)
}

// bufferSize is how many records a pod has after an event.
type bufferSize struct {
	event   ledger.Event
	owner   ledger.Owner
	records int
}

// buffered are the sizes of all pods' buffers after each event.
func (r *reference) buffered() (sizes []bufferSize) {
	type account struct {
		owner      ledger.Owner
		from, next int64
	}
	accounts, finished := map[int32]account{}, map[ledger.Position]bool{}
	finish := func(of func(ledger.Position) bool) {
		for at := range r.h.ids {
			if at.Topic == 0 && of(at) {
				finished[at] = true
			}
		}
	}
	for _, e := range r.events {
		ofSource := e.Topic == 0 && e.Group == 0
		below := func(at ledger.Position) bool { return at.Partition == e.Partition && at.Offset < e.Offset }
		switch {
		case isEffect(&e) && r.holds(&e), e.Kind == ledger.EventCopied && r.facts.roleOf(e.Topic).TakesOver() && r.holds(&e):
			source := e.Position()
			if e.Topic > 0 {
				source = r.origin[r.h.ids[e.Position()]]
			}
			finished[source] = true
		case e.Kind == ledger.EventDeferred && e.Flags&ledger.FlagCorrupt == 0:
			finish(func(at ledger.Position) bool {
				return at.Partition == e.Partition && e.Offset <= at.Offset && at.Offset < e.To
			})
		case e.Kind == ledger.EventCommit && ofSource && e.Outcome != ledger.OutcomeFailed, e.Kind == ledger.EventTrimmed:
			finish(below)
		case e.Kind == ledger.EventFetched:
			a, ok := accounts[e.Partition]
			if !ok || a.owner != e.Owner {
				a = account{e.Owner, e.Offset, e.Offset}
			}
			accounts[e.Partition] = account{e.Owner, min(a.from, e.Offset), e.Offset}
		case e.Kind == ledger.EventReleased && ofSource && accounts[e.Partition].owner == e.Owner:
			delete(accounts, e.Partition)
		case e.Kind == ledger.EventDown, e.Kind == ledger.EventExpelled && e.Group == 0:
			for p, a := range accounts {
				if a.owner == e.Owner {
					delete(accounts, p)
				}
			}
		default:
			continue
		}
		records := make([]int, len(r.w.pods)+1)
		for at := range r.h.ids {
			if a := accounts[at.Partition]; at.Topic == 0 && a.from <= at.Offset && at.Offset < a.next && !finished[at] {
				records[a.owner]++
			}
		}
		for owner, n := range records[1:] {
			sizes = append(sizes, bufferSize{e, ledger.Owner(owner + 1), n})
		}
	}
	return sizes
}

// judgeBuffering: a pod has no more records than its consumer declares for a second.
func (r *reference) judgeBuffering() {
	if r.facts.Buffering == 0 || r.facts.Share {
		return
	}
	since := map[ledger.Owner]ledger.Event{}
	end := func(owner ledger.Owner, at time.Duration) {
		if e, exceeds := since[owner]; exceeds && at-e.At >= time.Second {
			r.add(CheckExcessBuffering, ledger.Position{Partition: e.Partition, Offset: max(0, e.Offset-1)})
		}
		delete(since, owner)
	}
	for _, s := range r.buffered() {
		if _, exceeds := since[s.owner]; s.records <= r.facts.Buffering {
			end(s.owner, s.event.At)
		} else if !exceeds {
			since[s.owner] = s.event
		}
	}
	for n := range r.w.pods {
		end(ledger.Owner(n+1), r.facts.DrainEnd)
	}
}

// plantBuffering declares less than a pod had for a second.
func plantBuffering(w *simulation) (at []ledger.Position, fails []string, ok bool) {
	sizes := w.expect().buffered()
	if len(sizes) == 0 {
		return nil, nil, false
	}
	most := slices.MaxFunc(sizes, func(a, b bufferSize) int { return a.records - b.records }).records
	if most < 2 {
		return nil, nil, false
	}
	w.facts.Buffering = 1 + w.r.IntN(most-1)
	at = w.expect().expected.must[CheckExcessBuffering]
	return at, []string{CheckExcessBuffering}, len(at) > 0
}
