package oracle

import (
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var unexplainedLossEntry = entry{
	name: CheckUnexplainedLoss, make: func(j *judgeState) check { return newUnexplainedLoss(j) },
	heldTo: func(f *Facts) string {
		if f.Delivery == harness.AtMostOnce {
			return string(harness.AtMostOnce) + ", and in calm once"
		}
		return "" // for all others it is [lossEntry] that says it
	},
	leans: []string{LedgerComplete, ObserversKeptUp, DrainEnded},
}

// unexplainedLoss finds records lost by a consumer that claims at-most-once, where nothing went
// wrong: a claim that allows a loss does not allow any. Of other claims it finds nothing.
//
// A lost record, as [incomplete] defines it, is explained by any of these:
//   - trouble of a partition that it lies in, no earlier than it landed there and before
//     the drain ended. Trouble is that the partition's owner gave it up, ended or was
//     expelled; that another got it, or the same under another member id or, where the
//     protocol is eager, in another generation; and that a fault struck the owner, or no
//     pod in particular, or was healed. In a share group the end or expulsion of any
//     member is, and any fault.
//   - an attempt on it that ended in error, at any of its places: it was tried, and may not
//     be tried again. One that was cancelled explains nothing.
//   - a record of its partition that is still owed: the end of the run cut the work off,
//     which is a stall or an overload of its own.
//
// That a record landed later than a time is known of all from an offset on that was acknowledged
// and sent after it, or, of copies, stamped after it; the others have the benefit of the doubt.
type unexplainedLoss struct {
	facts      *Facts
	incomplete *incomplete
	topics     [][]undisturbedPartition
	failures   failures
	explained  int64
	found      findings
}

// undisturbedPartition is a partition.
type undisturbedPartition struct {
	owner           ledger.Owner // owner is the latest, 0 before any
	member          uint64
	generation      int32
	released        bool
	disrupted       time.Duration // disrupted is when the latest trouble was surely over
	undisturbedFrom int64         // undisturbedFrom is the first offset that surely landed after that
}

func newUnexplainedLoss(j *judgeState) *unexplainedLoss {
	c := &unexplainedLoss{facts: j.Facts, incomplete: j.incomplete, failures: newFailures(j.Facts)}
	parts := func(n int) {
		list := make([]undisturbedPartition, n)
		for i := range list {
			list[i] = undisturbedPartition{disrupted: -1, undisturbedFrom: math.MaxInt64}
		}
		c.topics = append(c.topics, list)
	}
	parts(j.Partitions)
	for _, s := range j.Sides {
		parts(s.Partitions)
	}
	return c
}

func (c *unexplainedLoss) Observe(b *batch) {
	if c.facts.Delivery != harness.AtMostOnce {
		return
	}
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventAcked:
			if e.Held && e.Outcome == ledger.OutcomeAcked {
				c.trackAppended(e, e.Sent)
			}
		case ledger.EventCopied:
			if e.Held && c.facts.roleOf(e.Topic).TakesOver() {
				c.trackAppended(e, e.At)
			}
		case ledger.EventEnd:
			if isFailure(e) {
				c.failures.addFailure(e)
			}
		case ledger.EventOwned, ledger.EventReleased:
			if p := c.partitionOf(e.Topic, e.Partition); p != nil && decidesOwnership(e) && e.At <= c.facts.DrainEnd {
				p.trackOwner(e, c.facts.Protocol == harness.Eager)
			}
		case ledger.EventDown, ledger.EventExpelled, ledger.EventInject, ledger.EventHeal:
			if e.At <= c.facts.DrainEnd { // later the run ends them all
				c.disruptOwned(e)
			}
		}
	}
}

// partitionOf is a partition of the run, nil if there is none.
func (c *unexplainedLoss) partitionOf(topic uint16, partition int32) *undisturbedPartition {
	if int(topic) < len(c.topics) && uint(partition) < uint(len(c.topics[topic])) {
		return &c.topics[topic][partition]
	}
	return nil
}

// trackAppended takes a record that landed at the event's position at a time or later.
func (c *unexplainedLoss) trackAppended(e *ledger.Event, when time.Duration) {
	if p := c.partitionOf(e.Topic, e.Partition); p != nil && when > p.disrupted {
		p.undisturbedFrom = min(p.undisturbedFrom, e.Offset)
	}
}

// disruptOwned takes what befalls a pod, or all.
func (c *unexplainedLoss) disruptOwned(e *ledger.Event) {
	fault := e.Kind == ledger.EventInject || e.Kind == ledger.EventHeal
	all := c.facts.Share || fault && e.Owner == 0
	for _, parts := range c.topics {
		for i := range parts {
			if p := &parts[i]; all || e.Owner != 0 && p.owner == e.Owner {
				p.markDisrupted(e)
			}
		}
	}
}

func (p *undisturbedPartition) markDisrupted(e *ledger.Event) {
	p.disrupted, p.undisturbedFrom = max(p.disrupted, e.At, e.Seen), math.MaxInt64
}

// trackOwner takes what is seen of who owns the partition. That the first owner got it is no
// trouble.
func (p *undisturbedPartition) trackOwner(e *ledger.Event, eager bool) {
	if e.Kind == ledger.EventReleased {
		if e.Owner == p.owner {
			p.released = true
			p.markDisrupted(e)
		}
		return
	}
	stays := p.owner == e.Owner && p.member == e.Member && !p.released && (!eager || p.generation == e.Generation)
	if p.owner != 0 && !stays {
		p.markDisrupted(e)
	}
	p.owner, p.member, p.generation, p.released = e.Owner, e.Member, e.Generation, false
}

// isExplained reports whether something explains the loss of the record at a place of the
// source.
func (c *unexplainedLoss) isExplained(place ledger.Position) bool {
	first := c.facts.Log.firstPosition(place)
	if c.failures.hasFailed(first) || place.Offset < c.partitionOf(0, place.Partition).undisturbedFrom {
		return true
	}
	if copied := c.incomplete.copies[first]; copied != nil {
		for _, hop := range copied.copies {
			if p := c.partitionOf(hop.Topic, hop.Partition); p != nil && c.facts.roleOf(hop.Topic).TakesOver() && hop.Offset < p.undisturbedFrom {
				return true
			}
		}
	}
	return false
}

func (c *unexplainedLoss) Verdict() harness.Verdict {
	if c.facts.Delivery != harness.AtMostOnce {
		return c.found.toVerdict("")
	}
	for partition := range c.facts.Partitions {
		c.judgePartition(int32(partition))
	}
	detail := ""
	if c.found.count+c.explained > 0 {
		detail = fmt.Sprintf("of %d landed records %d were lost in calm, and %d where something explains it",
			c.facts.Log.Len(), c.found.count, c.explained)
	}
	return c.found.toVerdict(detail)
}

// judgePartition finds the unexplained losses of a partition.
func (c *unexplainedLoss) judgePartition(partition int32) {
	owed := false
	var places []ledger.Position
	c.incomplete.eachIncomplete(partition, func(is fate, at ledger.Position) {
		if is != lost {
			owed = true
		} else if c.explained++; !c.isExplained(at) {
			places = append(places, at)
		}
	})
	if owed {
		return
	}
	c.explained -= int64(len(places))
	for _, p := range places {
		c.found.addAnomaly(func() harness.Anomaly {
			a := c.incomplete.fateAnomaly(lost, p)
			a.Text += "; no work on it failed, and since it landed nobody came, went or was struck there"
			return a
		})
	}
}
