package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckStalledCommit finds a commit of the source that stays behind completed work while no disruption stops
// it. It counts after three commit intervals and a heartbeat. A crash then repeats more work than the design
// has a reason for.
//
// The frontier of a partition is the first appended record at the committed offset or above. The clock starts
// with the commit that made the record the frontier, or when the frontier is completed, whichever is later.
//
// The frontier passes over records that were deleted before their owner had asked for them, once the owner is
// told and goes on behind them. An owner that waits for each offset in turn commits nothing more.
//
// These stop the clock:
//   - the partition is assigned or revoked, or its owner goes back to the commit; it has no owner after a revocation
//   - a member dies or is expelled, or a fault takes effect
//   - a commit of another offset has an unknown result: only the next confirmed commit, or the final read, shows
//     where the group stands
//
// The clock waits while a fault lasts, for a session after it, and for a session after the end of a member:
// commits may fail in that time.
//
// The first, and an end, an expulsion or a fault of the owner itself, are a handover. Before the first handover
// after work on the partition, any effect completes the frontier, and so does a copy. After it, only an
// effect of the present owner since the last handover does: the owner cannot commit the work of another pod
// before it has done it again. If the record lies in the source several times, only an effect at the frontier's own
// position completes it: a copy does not tell which position it came from.
const CheckStalledCommit = "stalled commit"

var _ = register(entry{
	name: CheckStalledCommit, gravity: commitsWrong + 3,
	finds: "a commit that stays behind completed work for three commit intervals and a heartbeat, without a disruption",
	claim: "at-least-once and exactly-once, but not share groups nor consumers whose effects are outputs; a warning if any repeats are claimed",
	heldTo: func(f *Facts) string {
		if !f.commitsContinuously() || heldToDelivery(f) == "" {
			return ""
		}
		return "a commit within three intervals"
	},
	repeats:  true,
	needs:    []string{LedgerComplete, ObserversKeptUp, NoPodStarved, CommitsAnswered},
	newCheck: func(s *judgeState) check { return newStalledCommit(s) },
})

// CommitsContinuously reports whether a consumer commits its completed work as it goes on. Members of a share
// group do not commit, and a transaction of any length commits all of its records at once.
func CommitsContinuously(i *harness.Implementation) bool {
	return commitsContinuously(i.Delivery, i.Share, i.Effect)
}

func commitsContinuously(d harness.Delivery, share bool, effect harness.Effect) bool {
	return d != harness.AtMostOnce && !share && effect != harness.EffectOutput
}

func (f *Facts) commitsContinuously() bool { return commitsContinuously(f.Delivery, f.Share, f.Effect) }

// CommitPatience is how long completed work may wait for its commit.
func CommitPatience(commit, heartbeat time.Duration) time.Duration { return 3*commit + heartbeat }

type stalledCommit struct {
	facts      *Facts
	completed  []ledger.Offsets // completed is the state of [judgeState].
	parts      []frontier
	openFaults int           // openFaults counts faults that have not healed.
	quietFrom  time.Duration // quietFrom is when the latest fault or end of a member was over, with a session after it.
	found      findings
}

// frontier is the record that the commit of a partition stands at.
type frontier struct {
	offset    int64
	owner     ledger.Owner
	begun     bool           // begun: work in the partition was completed.
	handed    bool           // handed: and a handover came after that.
	completed ledger.Offsets // completed is the owner's work since the last handover; before any, copies and effects at repeated positions.
	quietFrom time.Duration  // quietFrom is when the partition was last assigned or revoked.
	clock     time.Duration  // clock is when the clock started, clockStopped while it waits.
	unsure    time.Duration  // unsure is when a commit of another offset first had an unknown result, since the last confirmed commit; else never.
	gaps      gaps           // gaps are the deleted records that no owner can ask for any more.
}

const clockStopped = time.Duration(-1)

func newStalledCommit(s *judgeState) *stalledCommit {
	b := &stalledCommit{facts: s.Facts, completed: s.completed, parts: make([]frontier, s.Partitions)}
	for p := range b.parts {
		b.parts[p].clock, b.parts[p].unsure = clockStopped, never
		b.parts[p].offset = b.frontierAt(int32(p), 0)
	}
	return b
}

// frontierAt is the frontier of a partition that is committed up to an offset.
func (b *stalledCommit) frontierAt(partition int32, committed int64) int64 {
	for end := b.facts.Log.endOffset(0, partition); committed < end; committed++ {
		if b.facts.Log.isAppended(ledger.Position{Partition: partition, Offset: committed}) && !b.parts[partition].gaps.has(committed) {
			break
		}
	}
	return committed
}

func (b *stalledCommit) Observe(batch *batch) {
	if !b.facts.commitsContinuously() {
		return
	}
	for _, e := range batch.Work {
		switch e.Kind {
		case ledger.EventEnd:
			if e.Held && e.Outcome == ledger.OutcomeEffect && e.At <= b.facts.DrainEnd {
				b.trackCompleted(e)
			}
		case ledger.EventCopied:
			if e.Held && b.facts.roleOf(e.Topic).TakesOver() && e.At <= b.facts.DrainEnd {
				b.trackCompleted(e)
			}
		case ledger.EventCommit:
			if e.Topic != 0 || e.OwnGroup() || uint(e.Partition) >= uint(len(b.parts)) {
				continue
			}
			switch {
			case e.Outcome == ledger.OutcomeConfirmed:
				b.advanceFrontier(e)
			case e.Outcome == ledger.OutcomeUnknown && b.frontierAt(e.Partition, e.Offset) != b.parts[e.Partition].offset:
				b.parts[e.Partition].unsure = min(b.parts[e.Partition].unsure, e.At) // the broker may have accepted it
			}
		case ledger.EventFetched, ledger.EventTrimmed, ledger.EventReset:
			if e.Topic == 0 && !e.OwnGroup() && uint(e.Partition) < uint(len(b.parts)) {
				b.trackGap(e, &b.parts[e.Partition])
			}
		case ledger.EventStart:
		default:
			if e.At <= b.facts.DrainEnd {
				b.trackDisruption(e)
			}
		}
	}
}

// trackCompleted notes an effect, or a hand-off.
func (b *stalledCommit) trackCompleted(e *ledger.Event) {
	p := &b.parts[e.Origin]
	p.begun = true
	repeated := b.isRepeated(ledger.Position{Partition: e.Origin, Offset: e.Source})
	if e.Kind == ledger.EventEnd && e.Topic == 0 && e.At <= p.quietFrom && p.owner != 0 && e.Owner != p.owner {
		p.handed = true // the owner before completes its work while observers see the partition change hands
	}
	switch {
	case repeated && e.Topic != 0:
		return
	case p.handed:
		if e.Kind != ledger.EventEnd || e.Topic != 0 || e.Owner != p.owner {
			return
		}
		p.completed.Add(e.Source)
	case e.Kind == ledger.EventCopied, repeated:
		p.completed.Add(e.Source)
	}
	if e.Source == p.offset && p.clock == clockStopped {
		b.startClock(p, e.At)
	}
}

// isRepeated reports whether the record at a position of the source has copies, and lies in the source elsewhere too.
func (b *stalledCommit) isRepeated(p ledger.Position) bool {
	return len(b.facts.Log.samePositions(p)) > 0
}

// startClock starts the clock of a frontier that is completed.
func (b *stalledCommit) startClock(p *frontier, at time.Duration) {
	if b.openFaults == 0 {
		p.clock = max(at, p.quietFrom, b.quietFrom)
	}
}

// isFrontierCompleted reports whether the frontier of a partition is completed.
func (b *stalledCommit) isFrontierCompleted(partition int) bool {
	p := &b.parts[partition]
	if p.completed.Has(p.offset) {
		return true
	}
	return !p.handed && b.completed[partition].Has(p.offset) && !b.isRepeated(ledger.Position{Partition: int32(partition), Offset: p.offset})
}

func (b *stalledCommit) advanceFrontier(e *ledger.Event) {
	p, to := &b.parts[e.Partition], b.frontierAt(e.Partition, e.Offset)
	if to != p.offset || p.unsure != never {
		b.moveFrontier(e, p, to)
		p.unsure = never
	}
}

// trackGap lets the frontier pass over records that no owner can ask for any more.
func (b *stalledCommit) trackGap(e *ledger.Event, p *frontier) {
	if !p.gaps.track(e) {
		return
	}
	if to := b.frontierAt(e.Partition, p.offset); to != p.offset {
		b.moveFrontier(e, p, to)
	}
}

// moveFrontier makes another record the frontier of the partition of an event.
func (b *stalledCommit) moveFrontier(e *ledger.Event, p *frontier, to int64) {
	b.stopClock(int(e.Partition), e.At)
	p.offset = to
	if e.At <= b.facts.DrainEnd && b.isFrontierCompleted(int(e.Partition)) {
		b.startClock(p, e.At)
	}
}

// stopClock stops the clock of a partition at a time, and reports a commit that stalled until then.
func (b *stalledCommit) stopClock(partition int, at time.Duration) {
	p := &b.parts[partition]
	until, since := min(at, b.facts.DrainEnd, p.unsure), p.clock
	p.clock = clockStopped
	if since == clockStopped || until-since <= b.commitPatience() {
		return
	}
	b.found.addAnomaly(func() harness.Anomaly {
		return unnamedAnomaly(ledger.Position{Partition: int32(partition), Offset: p.offset}, until, fmt.Sprintf(
			"its work was completed and could be committed from %s on; no commit covered it until %s", formatTime(since), formatTime(until)))
	})
}

// commitPatience is how long a commit may take.
func (b *stalledCommit) commitPatience() time.Duration {
	return CommitPatience(b.facts.Commit, b.facts.Heartbeat)
}

// trackDisruption notes an event that changes who commits, or whether a commit can succeed.
func (b *stalledCommit) trackDisruption(e *ledger.Event) {
	over := max(e.At, e.Seen)
	switch e.Kind {
	case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
		if e.Topic == 0 && !e.OwnGroup() && uint(e.Partition) < uint(len(b.parts)) {
			p := &b.parts[e.Partition]
			p.quietFrom = max(p.quietFrom, over)
			b.handOver(int(e.Partition), e.At)
			switch {
			case e.Kind == ledger.EventOwned:
				p.owner = e.Owner
			case e.Kind == ledger.EventReleased && p.owner == e.Owner:
				p.owner = 0
			}
		}
	case ledger.EventDown, ledger.EventExpelled, ledger.EventInject:
		if e.OwnGroup() {
			return
		}
		b.quietFrom = max(b.quietFrom, over+b.facts.Session)
		if e.Kind == ledger.EventInject {
			b.openFaults++
		}
		for p := range b.parts {
			if e.Owner != 0 && e.Owner == b.parts[p].owner {
				b.handOver(p, e.At)
			} else {
				b.restartClock(p, e.At)
			}
		}
	case ledger.EventHeal:
		b.quietFrom, b.openFaults = max(b.quietFrom, over+b.facts.Session), b.openFaults-1
		for p := range b.parts {
			b.restartClock(p, e.At)
		}
	}
}

// restartClock starts the clock again at the end of a disruption that takes no work from the owner.
func (b *stalledCommit) restartClock(partition int, at time.Duration) {
	b.stopClock(partition, at)
	if b.isFrontierCompleted(partition) {
		b.startClock(&b.parts[partition], at)
	}
}

// handOver forgets what was completed before the partition, or its owner, was disrupted.
func (b *stalledCommit) handOver(partition int, at time.Duration) {
	b.stopClock(partition, at)
	if p := &b.parts[partition]; p.begun {
		p.handed, p.completed = true, ledger.Offsets{}
	}
}

func (b *stalledCommit) Verdict() harness.Verdict {
	if !b.facts.commitsContinuously() {
		return b.found.toVerdict("")
	}
	for p := range b.parts {
		switch final := b.facts.finalCommit(p); {
		case final > b.parts[p].offset:
			continue // no observer saw the last commit
		case b.frontierAt(int32(p), final) == b.parts[p].offset:
			b.parts[p].unsure = never // no commit of unknown result held
		}
		b.stopClock(p, b.facts.DrainEnd)
	}
	return b.found.toVerdict("")
}
