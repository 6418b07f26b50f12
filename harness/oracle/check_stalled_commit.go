package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var behindEntry = entry{
	name: CheckStalledCommit, make: func(j *judging) check { return newBehind(j) },
	heldTo: func(f *Facts) string {
		if !paced(f) {
			return ""
		}
		return "a commit within three intervals"
	},
	leans: []string{LedgerComplete, ObserversKeptUp, NoPodStarved},
}

// paced reports whether a consumer commits what it has done, and as it goes on: not in a
// share group, and not where a transaction of any length commits all at once.
func paced(f *Facts) bool {
	return f.Delivery != harness.AtMostOnce && !f.Share && f.Effect != harness.EffectOutput
}

// behind finds commits of the source that stay behind the work, where nothing is in
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
type behind struct {
	facts    *Facts
	finished []ledger.Offsets // see [judging]
	parts    []frontier
	open     int           // open counts faults that have not healed
	quiet    time.Duration // quiet is when the latest fault or end of a member was over, its session included
	found    findings
}

// frontier is what the commit of a partition stands at.
type frontier struct {
	offset   int64
	owner    ledger.Owner
	begun    bool           // begun: something was done in the partition
	troubled bool           // troubled: and then came trouble
	done     ledger.Offsets // done since the last trouble, by the present owner; copies before there was any
	quiet    time.Duration  // quiet is when the partition came or went last
	since    time.Duration  // since is when the clock began, -1 if it stands
}

func newBehind(j *judging) *behind {
	b := &behind{facts: j.Facts, finished: j.finished, parts: make([]frontier, j.Partitions)}
	for p := range b.parts {
		b.parts[p].since = -1
		b.parts[p].offset = b.at(int32(p), 0)
	}
	return b
}

// at is the frontier of a partition that is committed up to an offset.
func (b *behind) at(partition int32, committed int64) int64 {
	for end := b.facts.Log.end(0, partition); committed < end && !b.facts.Log.landed(ledger.Position{Partition: partition, Offset: committed}); {
		committed++
	}
	return committed
}

func (b *behind) Observe(batch *batch) {
	if !paced(b.facts) {
		return
	}
	for _, e := range batch.Work {
		switch e.Kind {
		case ledger.EventEnd:
			if e.Held && e.Outcome == ledger.OutcomeEffect && e.At <= b.facts.DrainEnd {
				b.effect(e)
			}
		case ledger.EventCopied:
			if e.Held && b.facts.role(e.Topic).TakesOver() && e.At <= b.facts.DrainEnd {
				b.effect(e)
			}
		case ledger.EventCommit:
			if e.Topic == 0 && !e.OwnGroup() && e.Outcome == ledger.OutcomeConfirmed && uint(e.Partition) < uint(len(b.parts)) {
				b.commit(e)
			}
		case ledger.EventStart:
		default:
			if e.At <= b.facts.DrainEnd {
				b.event(e)
			}
		}
	}
}

// effect takes an effect, or a copy in custody.
func (b *behind) effect(e *ledger.Event) {
	p := &b.parts[e.Origin]
	p.begun = true
	switch {
	case p.troubled:
		if e.Kind != ledger.EventEnd || e.Topic != 0 || e.Owner != p.owner {
			return
		}
		p.done.Add(e.Source)
	case e.Kind == ledger.EventCopied:
		p.done.Add(e.Source)
	}
	if e.Source == p.offset && p.since < 0 {
		b.start(p, e.At)
	}
}

// start starts the clock of a frontier that is done.
func (b *behind) start(p *frontier, at time.Duration) {
	if b.open == 0 {
		p.since = max(at, p.quiet, b.quiet)
	}
}

// isDone reports whether the frontier of a partition is.
func (b *behind) isDone(partition int) bool {
	p := &b.parts[partition]
	return p.done.Has(p.offset) || !p.troubled && b.finished[partition].Has(p.offset)
}

func (b *behind) commit(e *ledger.Event) {
	p, to := &b.parts[e.Partition], b.at(e.Partition, e.Offset)
	if to == p.offset {
		return
	}
	b.stop(int(e.Partition), e.At)
	p.offset = to
	if e.At <= b.facts.DrainEnd && b.isDone(int(e.Partition)) {
		b.start(p, e.At)
	}
}

// stop ends the clock of a partition at a time, and finds what was behind until then.
func (b *behind) stop(partition int, at time.Duration) {
	p := &b.parts[partition]
	until, since := min(at, b.facts.DrainEnd), p.since
	p.since = -1
	if since < 0 || until-since <= b.patience() {
		return
	}
	b.found.add(func() harness.Anomaly {
		return unnamed(ledger.Position{Partition: int32(partition), Offset: p.offset}, until, fmt.Sprintf(
			"its work was done and could be committed from %s on, and until %s no commit covered it", moment(since), moment(until)))
	})
}

// patience is how long a commit may take.
func (b *behind) patience() time.Duration { return 3*b.facts.Commit + b.facts.Heartbeat }

// event takes what changes who commits, or whether anybody can.
func (b *behind) event(e *ledger.Event) {
	over := max(e.At, e.Seen)
	switch e.Kind {
	case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
		if e.Topic == 0 && !e.OwnGroup() && uint(e.Partition) < uint(len(b.parts)) {
			p := &b.parts[e.Partition]
			p.quiet = max(p.quiet, over)
			b.trouble(int(e.Partition), e.At)
			if e.Kind == ledger.EventOwned {
				p.owner = e.Owner
			}
		}
	case ledger.EventDown, ledger.EventExpelled, ledger.EventInject:
		if e.OwnGroup() {
			return
		}
		b.quiet = max(b.quiet, over+b.facts.Session)
		for p := range b.parts {
			b.trouble(p, e.At)
		}
		if e.Kind == ledger.EventInject {
			b.open++
		}
	case ledger.EventHeal:
		b.quiet, b.open = max(b.quiet, over+b.facts.Session), b.open-1
		for p := range b.parts {
			if b.parts[p].since < 0 && b.isDone(p) {
				b.start(&b.parts[p], e.At)
			}
		}
	}
}

func (b *behind) trouble(partition int, at time.Duration) {
	b.stop(partition, at)
	if p := &b.parts[partition]; p.begun {
		p.troubled, p.done = true, ledger.Offsets{}
	}
}

func (b *behind) Verdict() harness.Verdict {
	for p := range b.parts {
		if paced(b.facts) && b.facts.final(p) <= b.parts[p].offset { // else a commit that nobody saw
			b.stop(p, b.facts.DrainEnd)
		}
	}
	return b.found.verdict("")
}
