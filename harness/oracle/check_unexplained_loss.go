package oracle

import (
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var unexplainedLossEntry = entry{
	name: CheckUnexplainedLoss, make: func(j *judging) check { return newCalm(j) },
	heldTo: func(f *Facts) string {
		if f.Delivery == harness.AtMostOnce {
			return string(harness.AtMostOnce) + ", and in calm once"
		}
		return "" // for all others it is [lossEntry] that says it
	},
	leans: []string{LedgerComplete, ObserversKeptUp, DrainEnded},
}

// calm finds records lost by a consumer that claims at-most-once, where nothing went
// wrong: a claim that allows a loss does not allow any. Of other claims it finds nothing.
//
// A lost record, as [unfinished] defines it, is explained by any of these:
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
type calm struct {
	facts      *Facts
	unfinished *unfinished
	topics     [][]calmPart
	failed     failures
	explained  int64
	found      findings
}

// calmPart is a partition.
type calmPart struct {
	owner      ledger.Owner // owner is the latest, 0 before any
	member     uint64
	generation int32
	released   bool
	troubled   time.Duration // troubled is when the latest trouble was surely over
	from       int64         // from is the first offset that surely landed after that
}

func newCalm(j *judging) *calm {
	c := &calm{facts: j.Facts, unfinished: j.unfinished, failed: newFailures(j.Facts)}
	parts := func(n int) {
		list := make([]calmPart, n)
		for i := range list {
			list[i] = calmPart{troubled: -1, from: math.MaxInt64}
		}
		c.topics = append(c.topics, list)
	}
	parts(j.Partitions)
	for _, s := range j.Sides {
		parts(s.Partitions)
	}
	return c
}

func (c *calm) Observe(b *batch) {
	if c.facts.Delivery != harness.AtMostOnce {
		return
	}
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventAcked:
			if e.Held && e.Outcome == ledger.OutcomeAcked {
				c.lands(e, e.Sent)
			}
		case ledger.EventCopied:
			if e.Held && c.facts.role(e.Topic).TakesOver() {
				c.lands(e, e.At)
			}
		case ledger.EventEnd:
			if isFailure(e) {
				c.failed.add(e)
			}
		case ledger.EventOwned, ledger.EventReleased:
			if p := c.part(e.Topic, e.Partition); p != nil && ofRun(e) && e.At <= c.facts.DrainEnd {
				p.moves(e, c.facts.Protocol == harness.Eager)
			}
		case ledger.EventDown, ledger.EventExpelled, ledger.EventInject, ledger.EventHeal:
			if e.At <= c.facts.DrainEnd { // later the run ends them all
				c.strikes(e)
			}
		}
	}
}

// part is a partition of the run, nil if there is none.
func (c *calm) part(topic uint16, partition int32) *calmPart {
	if int(topic) < len(c.topics) && uint(partition) < uint(len(c.topics[topic])) {
		return &c.topics[topic][partition]
	}
	return nil
}

// lands takes a record that landed at the event's position at a time or later.
func (c *calm) lands(e *ledger.Event, when time.Duration) {
	if p := c.part(e.Topic, e.Partition); p != nil && when > p.troubled {
		p.from = min(p.from, e.Offset)
	}
}

// strikes takes what befalls a pod, or all.
func (c *calm) strikes(e *ledger.Event) {
	fault := e.Kind == ledger.EventInject || e.Kind == ledger.EventHeal
	all := c.facts.Share || fault && e.Owner == 0
	for _, parts := range c.topics {
		for i := range parts {
			if p := &parts[i]; all || e.Owner != 0 && p.owner == e.Owner {
				p.trouble(e)
			}
		}
	}
}

func (p *calmPart) trouble(e *ledger.Event) {
	p.troubled, p.from = max(p.troubled, e.At, e.Seen), math.MaxInt64
}

// moves takes what is seen of who owns the partition. That the first owner got it is no
// trouble.
func (p *calmPart) moves(e *ledger.Event, eager bool) {
	if e.Kind == ledger.EventReleased {
		if e.Owner == p.owner {
			p.released = true
			p.trouble(e)
		}
		return
	}
	stays := p.owner == e.Owner && p.member == e.Member && !p.released && (!eager || p.generation == e.Generation)
	if p.owner != 0 && !stays {
		p.trouble(e)
	}
	p.owner, p.member, p.generation, p.released = e.Owner, e.Member, e.Generation, false
}

// excused reports whether something explains the loss of the record at a place of the
// source.
func (c *calm) excused(place ledger.Position) bool {
	first := c.facts.Log.first(place)
	if c.failed.has(first) || place.Offset < c.part(0, place.Partition).from {
		return true
	}
	if copied := c.unfinished.copies[first]; copied != nil {
		for _, hop := range copied.hops {
			if p := c.part(hop.Topic, hop.Partition); p != nil && c.facts.role(hop.Topic).TakesOver() && hop.Offset < p.from {
				return true
			}
		}
	}
	return false
}

func (c *calm) Verdict() harness.Verdict {
	if c.facts.Delivery != harness.AtMostOnce {
		return c.found.verdict("")
	}
	for partition := range c.facts.Partitions {
		c.look(int32(partition))
	}
	detail := ""
	if c.found.count+c.explained > 0 {
		detail = fmt.Sprintf("of %d landed records %d were lost in calm, and %d where something explains it",
			c.facts.Log.Len(), c.found.count, c.explained)
	}
	return c.found.verdict(detail)
}

// look finds the unexplained losses of a partition.
func (c *calm) look(partition int32) {
	owed := false
	var places []ledger.Position
	c.unfinished.each(partition, func(is fate, at ledger.Position) {
		if is != lost {
			owed = true
		} else if c.explained++; !c.excused(at) {
			places = append(places, at)
		}
	})
	if owed {
		return
	}
	c.explained -= int64(len(places))
	for _, p := range places {
		c.found.add(func() harness.Anomaly {
			a := c.unfinished.example(lost, p)
			a.Text += "; no work on it failed, and since it landed nobody came, went or was struck there"
			return a
		})
	}
}
