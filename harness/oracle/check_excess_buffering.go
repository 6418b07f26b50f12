package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckExcessBuffering finds a pod that had more records of the source than the consumer declares, fetched and not
// finished, for a second or longer. Such a pod needs memory without limit as soon as its work falls behind.
//
// A client that asks a partition for the records from an offset on has those before it. So a pod has the records
// from the lowest offset that it asked for, up to the last one. What the response to its last request brought it is
// not counted. The check counts records and not bytes, since a batch may be compressed, and may be fetched again.
//
// Any of these finishes a record:
//
//   - its effect, a copy in a topic that takes over, or a deferred range
//   - a commit past it that was not refused, or its deletion
//
// Any of these ends the account of a pod and a partition:
//
//   - another pod asks for records of the partition
//   - the group revokes the partition, or expels the pod
//   - the pod ends
//
// The broker itself limits what a member of a share group gets. So the check holds no such consumer.
const CheckExcessBuffering = "excess buffering"

var _ = register(entry{
	name: CheckExcessBuffering, gravity: limitsOverridden + 4,
	finds:  "more records of the source fetched and not finished in one pod than the consumer declares, for a second",
	claim:  "its `Buffering`, but not in share groups",
	direct: "not observed",
	heldTo: func(f *Facts) string {
		if f.Buffering == 0 || f.Share {
			return ""
		}
		return fmt.Sprintf("at most %d records in each pod", f.Buffering)
	},
	needs: []string{LedgerComplete, ObserversKeptUp}, wire: true, marks: marksFetch,
	newCheck: func(s *judgeState) check {
		return &excessBuffering{facts: s.Facts, parts: make([]fetchedPartition, s.Partitions)}
	},
})

// excessLasts is how long a pod must have too many records. Copies and commits are dated to within milliseconds.
const excessLasts = time.Second

type excessBuffering struct {
	facts *Facts
	parts []fetchedPartition
	pods  []buffer // pods are by incarnation.
	most  int64
	found findings
}

// fetchedPartition is what is known of the records of a partition, and the account of the pod that reads it.
type fetchedPartition struct {
	finished ledger.Offsets
	below    int64 // below is the offset up to which all records are finished.

	owner      ledger.Owner // owner is 0 without an account.
	from, next int64        // from is the lowest offset that it asked for, next the last one.
	open       int64        // open are the records between them that are not finished.
}

// buffer is what a pod has in all its partitions.
type buffer struct {
	open    int64
	exceeds bool
	since   time.Duration // since, at and most are about the time for which it exceeds the limit.
	at      ledger.Position
	most    int64
}

func (c *excessBuffering) Observe(b *batch) {
	if c.facts.Buffering == 0 || c.facts.Share {
		return
	}
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventStart, ledger.EventAcked:
		case ledger.EventEnd:
			if e.Outcome == ledger.OutcomeEffect && e.Held {
				c.finishRecord(e.Origin, e.Source, e.At)
			}
		default:
			c.trackRare(e)
		}
	}
}

// trackRare notes an event that is no attempt.
func (c *excessBuffering) trackRare(e *ledger.Event) {
	ofSource := e.Topic == 0 && !e.OwnGroup() && uint(e.Partition) < uint(len(c.parts))
	switch e.Kind {
	case ledger.EventFetched:
		if ofSource && e.Owner != 0 {
			c.moveReader(e)
		}
	case ledger.EventCopied:
		if e.Held && c.facts.roleOf(e.Topic).TakesOver() {
			c.finishRecord(e.Origin, e.Source, e.At)
		}
	case ledger.EventDeferred:
		if r, ok := rangeOf(c.facts, e); ok {
			c.finishRange(r.partition, r.from, r.to, e.At)
		}
	case ledger.EventCommit:
		if ofSource && e.Outcome != ledger.OutcomeFailed {
			c.finishBelow(e)
		}
	case ledger.EventTrimmed:
		if ofSource {
			c.finishBelow(e)
		}
	case ledger.EventReleased:
		if ofSource && c.parts[e.Partition].owner == e.Owner {
			c.endAccount(&c.parts[e.Partition], e.At)
		}
	case ledger.EventExpelled, ledger.EventDown:
		for i := range c.parts {
			if p := &c.parts[i]; p.owner == e.Owner && !e.OwnGroup() {
				c.endAccount(p, e.At)
			}
		}
	}
}

// moveReader notes from where the reader of a partition reads on.
func (c *excessBuffering) moveReader(e *ledger.Event) {
	p := &c.parts[e.Partition]
	to := min(e.Offset, c.facts.Log.endOffset(0, e.Partition))
	if p.owner != e.Owner {
		c.endAccount(p, e.At)
		p.owner, p.from, p.next = e.Owner, to, to
	}
	before := p.open
	switch {
	case to <= p.from:
		p.from, p.open = to, 0
	case to < p.next:
		p.open -= c.countOpen(e.Partition, to, p.next)
	default:
		p.open += c.countOpen(e.Partition, p.next, to)
	}
	p.next = to
	c.addToPod(p.owner, p.open-before, ledger.Position{Partition: e.Partition, Offset: max(0, to-1)}, e.At)
}

// countOpen counts the records in a range that are not finished.
func (c *excessBuffering) countOpen(partition int32, from, to int64) (n int64) {
	finished := &c.parts[partition].finished
	for o := finished.Lacks(from); o < to; o = finished.Lacks(o + 1) {
		if c.facts.Log.isAppended(ledger.Position{Partition: partition, Offset: o}) {
			n++
		}
	}
	return n
}

func (c *excessBuffering) finishRecord(partition int32, offset int64, at time.Duration) {
	p := &c.parts[partition]
	if p.finished.Add(offset) && p.owner != 0 && p.from <= offset && offset < p.next {
		p.open--
		c.addToPod(p.owner, -1, ledger.Position{}, at)
	}
}

// finishBelow finishes all records below a commit, or below the new start of the log.
func (c *excessBuffering) finishBelow(e *ledger.Event) {
	p := &c.parts[e.Partition]
	to := min(e.Offset, c.facts.Log.endOffset(0, e.Partition))
	c.finishRange(e.Partition, p.below, to, e.At)
	p.below = max(p.below, to)
}

func (c *excessBuffering) finishRange(partition int32, from, to int64, at time.Duration) {
	p := &c.parts[partition]
	before := p.open
	if p.owner != 0 {
		p.open -= c.countOpen(partition, max(from, p.from), min(to, p.next))
	}
	for o := p.finished.Lacks(from); o < to; o = p.finished.Lacks(o + 1) {
		p.finished.Add(o)
	}
	if p.owner != 0 {
		c.addToPod(p.owner, p.open-before, ledger.Position{}, at)
	}
}

// endAccount ends the account of the reader of a partition.
func (c *excessBuffering) endAccount(p *fetchedPartition, at time.Duration) {
	if p.owner != 0 {
		c.addToPod(p.owner, -p.open, ledger.Position{}, at)
	}
	p.owner, p.open = 0, 0
}

// addToPod changes how many records a pod has. place is that of the last of them, if there are more now.
func (c *excessBuffering) addToPod(owner ledger.Owner, records int64, place ledger.Position, at time.Duration) {
	for int(owner) >= len(c.pods) {
		c.pods = append(c.pods, buffer{})
	}
	b := &c.pods[owner]
	b.open += records
	switch exceeds := b.open > int64(c.facts.Buffering); {
	case exceeds && !b.exceeds:
		b.exceeds, b.since, b.at, b.most = true, at, place, b.open
	case exceeds:
		b.most = max(b.most, b.open)
	case b.exceeds:
		c.endExcess(owner, at)
	}
}

// endExcess ends the time for which a pod has had too many records.
func (c *excessBuffering) endExcess(owner ledger.Owner, at time.Duration) {
	b := &c.pods[owner]
	b.exceeds = false
	if at-b.since < excessLasts {
		return
	}
	c.most = max(c.most, b.most)
	c.found.addAnomaly(func() harness.Anomaly {
		a := unnamedAnomaly(b.at, b.since, fmt.Sprintf("%s had up to %d records fetched and not finished, and for %s more than the %d that it declares",
			c.facts.podName(owner), b.most, formatTime((at-b.since).Round(time.Millisecond)), c.facts.Buffering))
		a.Pods = []string{c.facts.podName(owner)}
		return a
	})
}

func (c *excessBuffering) Verdict() harness.Verdict {
	for o := range c.pods {
		if c.pods[o].exceeds {
			c.endExcess(ledger.Owner(o), c.facts.DrainEnd)
		}
	}
	detail := ""
	if c.found.count > 0 {
		detail = fmt.Sprintf("up to %d records fetched and not finished in one pod", c.most)
		if size := c.facts.ValueSize; size > 0 {
			detail += fmt.Sprintf(", values of %d MiB", c.most*int64(size)>>20)
		}
	}
	return c.found.toVerdict(detail)
}
