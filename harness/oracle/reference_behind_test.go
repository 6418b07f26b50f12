package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// behind: a record to commit next, whose work is done, and that nothing forbids to
// commit, is committed within three commit intervals and a heartbeat.
func (r *slow) behind() {
	f := r.facts
	if f.Delivery == harness.AtMostOnce || f.Share || f.Effect == harness.EffectOutput {
		return
	}
	for p := range f.Partitions {
		partition := int32(p)
		from, at := 0, r.frontier(partition, 0)
		for i, e := range r.events {
			next := at
			switch {
			case r.commits(&e, partition):
				next = r.frontier(partition, e.Offset)
			case e.At > r.facts.DrainEnd || !r.troubles(&e, partition):
				continue
			}
			if next != at || !r.commits(&e, partition) {
				r.late(partition, at, from, i, e.At)
				from, at = i+1, next
			}
		}
		if r.facts.final(p) <= at {
			r.late(partition, at, from, len(r.events), r.facts.DrainEnd)
		}
	}
}

// commits reports whether an event moves the commit of a partition.
func (r *slow) commits(e *ledger.Event, partition int32) bool {
	return e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && e.Topic == 0 && !e.OwnGroup() && e.Partition == partition
}

// troubles reports whether an event may change who commits a partition.
func (r *slow) troubles(e *ledger.Event, partition int32) bool {
	switch e.Kind {
	case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
		return e.Topic == 0 && !e.OwnGroup() && e.Partition == partition
	}
	return e.Kind == ledger.EventDown || e.Kind == ledger.EventExpelled && !e.OwnGroup() || e.Kind == ledger.EventInject
}

// frontier is the first record of a partition at or above an offset.
func (r *slow) frontier(partition int32, committed int64) int64 {
	end := r.facts.Log.end(0, partition)
	for ; committed < end; committed++ {
		if _, ok := r.h.ids[ledger.Position{Partition: partition, Offset: committed}]; ok {
			break
		}
	}
	return committed
}

// late finds whether the record at a frontier was done for too long between two
// moments, given as places among the events, the second with its time.
func (r *slow) late(partition int32, offset int64, from, to int, until time.Duration) {
	clean, last := true, -1 // of the troubles before: none after work, and the latest
	for i, e := range r.events[:from] {
		if e.At <= r.facts.DrainEnd && r.troubles(&e, partition) {
			last = i
			clean = clean && !slices.ContainsFunc(r.events[:i], func(o ledger.Event) bool { return r.does(&o, partition, nil) })
		}
	}
	if clean {
		last = -1
	}
	done, open := false, 0
	quiet := time.Duration(-1)
	var owner ledger.Owner
	for i, e := range r.events[:to] {
		if e.At > r.facts.DrainEnd {
			break
		}
		of := &owner
		if clean {
			of = nil
		}
		done = done || i > last && r.at(&e) == offset && r.does(&e, partition, of)
		over := max(e.At, e.Seen)
		switch e.Kind {
		case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
			if r.troubles(&e, partition) {
				quiet = max(quiet, over)
				if e.Kind == ledger.EventOwned {
					owner = e.Owner
				}
			}
		case ledger.EventDown, ledger.EventExpelled:
			if !e.OwnGroup() {
				quiet = max(quiet, over+r.facts.Session)
			}
		case ledger.EventInject:
			open++
			quiet = max(quiet, over+r.facts.Session)
		case ledger.EventHeal:
			open--
			quiet = max(quiet, over+r.facts.Session)
		}
		begins := i >= from || i == from-1 && r.commits(&e, partition)
		if begins && done && open == 0 {
			if since := max(e.At, quiet); min(until, r.facts.DrainEnd)-since > 3*r.facts.Commit+r.facts.Heartbeat {
				r.add(CheckStalledCommit, ledger.Position{Partition: partition, Offset: offset})
			}
			return
		}
	}
}

// at is where in the source the record of an event lies.
func (r *slow) at(e *ledger.Event) int64 { return r.place(e).Offset }

func (r *slow) place(e *ledger.Event) ledger.Position {
	if e.Topic == 0 {
		return e.Position()
	}
	return r.origin[[2]uint32{e.Key, e.Seq}]
}

// does reports whether an event is an effect on a record of a partition, or a copy of
// it; with an owner, an effect by him, in the source.
func (r *slow) does(e *ledger.Event, partition int32, owner *ledger.Owner) bool {
	copied := e.Kind == ledger.EventCopied && r.facts.role(e.Topic).TakesOver()
	if e.At > r.facts.DrainEnd || !isEffect(e) && !copied || !r.holds(e) || r.place(e).Partition != partition {
		return false
	}
	return owner == nil || !copied && e.Topic == 0 && e.Owner == *owner
}
