package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var behindEntry = entry{
	name: CheckStalledCommit, make: func(j *judgeState) check { return newStalledCommit(j) },
	heldTo: func(f *Facts) string {
		if !commitsContinuously(f) {
			return ""
		}
		return "a commit within three intervals"
	},
	leans: []string{LedgerComplete, ObserversKeptUp, NoPodStarved},
}

// commitsContinuously reports whether a consumer commits what it has done, and as it goes on: not in a
// share group, and not where a transaction of any length commits all at once.
func commitsContinuously(f *Facts) bool {
	return f.Delivery != harness.AtMostOnce && !f.Share && f.Effect != harness.EffectOutput
}

// stalledCommit finds commits of the source that stay behind the work, where nothing is in
// their way: a crash then costs more work than a design has any reason for.
//
// What a partition's commit stands at is its frontier: the first record that landed
// there at the offset committed or above. Who commits the low watermark commits past
// the frontier within a commit interval once it is done; one who has not within three
// and a heartbeat is behind. The clock begins with the commit that made it the
// frontier, or, if it was not done then, when it is.
//
// A trouble ends the clock: that the partition came to somebody or went, that its
// owner went back to the commit, that any member died or was expelled, or that any fault struck. From the first
// trouble on, that comes after work on the partition, a record is done when its
// present owner has done it since the last: another's effect is not for him to commit,
// and before he has done a record again he may not commit past it. Before, it is done
// by any effect, or by a copy in custody. While a fault lasts, and for a session after
// it, or after a member's end, commits may fail, and the clock stands.
type stalledCommit struct {
	facts      *Facts
	completed  []ledger.Offsets // see [judgeState]
	parts      []frontier
	openFaults int           // openFaults counts faults that have not healed
	quietFrom  time.Duration // quietFrom is when the latest fault or end of a member was over, its session included
	found      findings
}

// frontier is what the commit of a partition stands at.
type frontier struct {
	offset    int64
	owner     ledger.Owner
	begun     bool           // begun: something was done in the partition
	disrupted bool           // disrupted: and then came trouble
	completed ledger.Offsets // completed since the last trouble, by the present owner; copies before there was any
	quietFrom time.Duration  // quietFrom is when the partition came or went last
	clock     time.Duration  // clock is when the clock began, -1 if it stands
}

func newStalledCommit(j *judgeState) *stalledCommit {
	b := &stalledCommit{facts: j.Facts, completed: j.completed, parts: make([]frontier, j.Partitions)}
	for p := range b.parts {
		b.parts[p].clock = -1
		b.parts[p].offset = b.frontierAt(int32(p), 0)
	}
	return b
}

// frontierAt is the frontier of a partition that is committed up to an offset.
func (b *stalledCommit) frontierAt(partition int32, committed int64) int64 {
	for end := b.facts.Log.endOffset(0, partition); committed < end && !b.facts.Log.isAppended(ledger.Position{Partition: partition, Offset: committed}); {
		committed++
	}
	return committed
}

func (b *stalledCommit) Observe(batch *batch) {
	if !commitsContinuously(b.facts) {
		return
	}
	for _, e := range batch.Work {
		switch e.Kind {
		case ledger.EventEnd:
			if e.Held && e.Outcome == ledger.OutcomeEffect && e.At <= b.facts.DrainEnd {
				b.trackWork(e)
			}
		case ledger.EventCopied:
			if e.Held && b.facts.roleOf(e.Topic).TakesOver() && e.At <= b.facts.DrainEnd {
				b.trackWork(e)
			}
		case ledger.EventCommit:
			if e.Topic == 0 && !e.OwnGroup() && e.Outcome == ledger.OutcomeConfirmed && uint(e.Partition) < uint(len(b.parts)) {
				b.advanceFrontier(e)
			}
		case ledger.EventStart:
		default:
			if e.At <= b.facts.DrainEnd {
				b.trackDisruption(e)
			}
		}
	}
}

// trackWork takes an effect, or a copy in custody.
func (b *stalledCommit) trackWork(e *ledger.Event) {
	p := &b.parts[e.Origin]
	p.begun = true
	switch {
	case p.disrupted:
		if e.Kind != ledger.EventEnd || e.Topic != 0 || e.Owner != p.owner {
			return
		}
		p.completed.Add(e.Source)
	case e.Kind == ledger.EventCopied:
		p.completed.Add(e.Source)
	}
	if e.Source == p.offset && p.clock < 0 {
		b.startClock(p, e.At)
	}
}

// startClock starts the clock of a frontier that is done.
func (b *stalledCommit) startClock(p *frontier, at time.Duration) {
	if b.openFaults == 0 {
		p.clock = max(at, p.quietFrom, b.quietFrom)
	}
}

// isFrontierCompleted reports whether the frontier of a partition is.
func (b *stalledCommit) isFrontierCompleted(partition int) bool {
	p := &b.parts[partition]
	return p.completed.Has(p.offset) || !p.disrupted && b.completed[partition].Has(p.offset)
}

func (b *stalledCommit) advanceFrontier(e *ledger.Event) {
	p, to := &b.parts[e.Partition], b.frontierAt(e.Partition, e.Offset)
	if to == p.offset {
		return
	}
	b.stopClock(int(e.Partition), e.At)
	p.offset = to
	if e.At <= b.facts.DrainEnd && b.isFrontierCompleted(int(e.Partition)) {
		b.startClock(p, e.At)
	}
}

// stopClock ends the clock of a partition at a time, and finds what was behind until then.
func (b *stalledCommit) stopClock(partition int, at time.Duration) {
	p := &b.parts[partition]
	until, since := min(at, b.facts.DrainEnd), p.clock
	p.clock = -1
	if since < 0 || until-since <= b.patience() {
		return
	}
	b.found.addAnomaly(func() harness.Anomaly {
		return unnamedAnomaly(ledger.Position{Partition: int32(partition), Offset: p.offset}, until, fmt.Sprintf(
			"its work was done and could be committed from %s on, and until %s no commit covered it", formatTime(since), formatTime(until)))
	})
}

// patience is how long a commit may take.
func (b *stalledCommit) patience() time.Duration { return 3*b.facts.Commit + b.facts.Heartbeat }

// trackDisruption takes what changes who commits, or whether anybody can.
func (b *stalledCommit) trackDisruption(e *ledger.Event) {
	over := max(e.At, e.Seen)
	switch e.Kind {
	case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
		if e.Topic == 0 && !e.OwnGroup() && uint(e.Partition) < uint(len(b.parts)) {
			p := &b.parts[e.Partition]
			p.quietFrom = max(p.quietFrom, over)
			b.disruptPartition(int(e.Partition), e.At)
			if e.Kind == ledger.EventOwned {
				p.owner = e.Owner
			}
		}
	case ledger.EventDown, ledger.EventExpelled, ledger.EventInject:
		if e.OwnGroup() {
			return
		}
		b.quietFrom = max(b.quietFrom, over+b.facts.Session)
		for p := range b.parts {
			b.disruptPartition(p, e.At)
		}
		if e.Kind == ledger.EventInject {
			b.openFaults++
		}
	case ledger.EventHeal:
		b.quietFrom, b.openFaults = max(b.quietFrom, over+b.facts.Session), b.openFaults-1
		for p := range b.parts {
			if b.parts[p].clock < 0 && b.isFrontierCompleted(p) {
				b.startClock(&b.parts[p], e.At)
			}
		}
	}
}

func (b *stalledCommit) disruptPartition(partition int, at time.Duration) {
	b.stopClock(partition, at)
	if p := &b.parts[partition]; p.begun {
		p.disrupted, p.completed = true, ledger.Offsets{}
	}
}

func (b *stalledCommit) Verdict() harness.Verdict {
	for p := range b.parts {
		if commitsContinuously(b.facts) && b.facts.finalCommit(p) <= b.parts[p].offset { // else a commit that nobody saw
			b.stopClock(p, b.facts.DrainEnd)
		}
	}
	return b.found.toVerdict("")
}
