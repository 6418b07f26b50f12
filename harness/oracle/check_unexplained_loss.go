package oracle

import (
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckUnexplainedLoss finds a record lost by a consumer that claims at-most-once, although nothing went wrong.
// The claim allows a loss with a reason. For other claims the check finds nothing: there, [CheckLoss] finds
// every loss.
//
// Any of these explains a loss:
//   - A disruption of a partition that the record lies in, after it was appended there and before the drain
//     ended. The owner gave the partition up, ended or was expelled. Another owner got it, or the same under
//     another member id or, if the protocol is eager, in another generation. A fault that affects the owner, or
//     no pod in particular, took effect or was healed. In a share group, the end or expulsion of any member and
//     any fault count.
//   - An attempt on the record that ended in error, at any place. A cancelled attempt explains nothing.
//   - A record of its partition that is outstanding at the end: the run's end cut the work off, which is a stall
//     or an overload.
//
// A record was surely appended after a disruption if it, or a record before it, was sent and acknowledged after
// it. A copy is dated by its stamp. In doubt, the disruption explains the loss.
const CheckUnexplainedLoss = "unexplained loss"

var _ = register(entry{
	name: CheckUnexplainedLoss, gravity: recordsLost + 1,
	finds: "a record that was lost although no work on it failed and its partition was undisturbed",
	claim: "at-most-once",
	heldTo: func(f *Facts) string {
		if f.Delivery == harness.AtMostOnce {
			return string(harness.AtMostOnce) + ", and once if undisturbed"
		}
		return ""
	},
	needs:    []string{LedgerComplete, ObserversKeptUp, DrainEnded},
	sends:    func(f *Facts) bool { return f.Delivery == harness.AtMostOnce },
	newCheck: func(s *judgeState) check { return newUnexplainedLoss(s) },
})

type unexplainedLoss struct {
	facts      *Facts
	incomplete *incomplete
	topics     [][]undisturbedPartition
	failures   failures
	explained  int64
	found      findings
}

// undisturbedPartition is a partition and since when it was undisturbed.
type undisturbedPartition struct {
	owner      ledger.Owner // owner is the latest one, 0 before any.
	member     uint64
	generation int32
	released   bool
	disrupted  time.Duration // disrupted is when the latest disruption was surely over.
	// undisturbedFrom is the first offset that was surely appended after that.
	undisturbedFrom int64
}

func newUnexplainedLoss(s *judgeState) *unexplainedLoss {
	c := &unexplainedLoss{facts: s.Facts, incomplete: s.incomplete, failures: newFailures(s.Facts)}
	c.addTopic(s.Partitions)
	for _, side := range s.Sides {
		c.addTopic(side.Partitions)
	}
	return c
}

func (c *unexplainedLoss) addTopic(partitions int) {
	list := make([]undisturbedPartition, partitions)
	for i := range list {
		list[i] = undisturbedPartition{disrupted: -1, undisturbedFrom: math.MaxInt64}
	}
	c.topics = append(c.topics, list)
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
			if e.At <= c.facts.DrainEnd { // the run ends all pods after that
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

// trackAppended notes a record that was appended at the event's position at a time or later.
func (c *unexplainedLoss) trackAppended(e *ledger.Event, when time.Duration) {
	if p := c.partitionOf(e.Topic, e.Partition); p != nil && when > p.disrupted {
		p.undisturbedFrom = min(p.undisturbedFrom, e.Offset)
	}
}

// disruptOwned disrupts the partitions of the pod that an event affects, or all.
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

// trackOwner notes an assignment or a revocation. The first assignment is no disruption.
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

// isExplained reports whether a failure or a disruption explains the loss of the record at a position of the
// source.
func (c *unexplainedLoss) isExplained(position ledger.Position) bool {
	first := c.facts.Log.firstPosition(position)
	if c.failures.hasFailed(first) || position.Offset < c.partitionOf(0, position.Partition).undisturbedFrom {
		return true
	}
	if r := c.incomplete.copies[first]; r != nil {
		for _, copied := range r.copies {
			if p := c.partitionOf(copied.Topic, copied.Partition); p != nil && c.facts.roleOf(copied.Topic).TakesOver() && copied.Offset < p.undisturbedFrom {
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
		detail = fmt.Sprintf("of %d appended records, %d were lost in undisturbed partitions, and %d with an explanation",
			c.facts.Log.Len(), c.found.count, c.explained)
	}
	return c.found.toVerdict(detail)
}

// judgePartition finds the unexplained losses of a partition.
func (c *unexplainedLoss) judgePartition(partition int32) {
	outstanding := false
	var unexplained []ledger.Position
	c.incomplete.eachIncomplete(partition, func(is fate, position ledger.Position) {
		if is == overtaken {
			return
		}
		if is != lost {
			outstanding = true
		} else if c.explained++; !c.isExplained(position) {
			unexplained = append(unexplained, position)
		}
	})
	if outstanding {
		return
	}
	c.explained -= int64(len(unexplained))
	for _, p := range unexplained {
		c.found.addAnomaly(func() harness.Anomaly {
			a := c.incomplete.fateAnomaly(lost, p)
			a.Text += "; no work on it failed, and nothing disrupted its partition after it was appended"
			return a
		})
	}
}
