package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	commitRegressionEntry = entry{
		name: CheckCommitRegression, verdict: func(j *judgeState) harness.Verdict { return j.commits.regressionVerdict() },
		heldTo: heldToAtLeastOnce, leans: []string{LedgerComplete, ObserversKeptUp},
	}
	afterRevokeEntry = entry{
		name: CheckCommitAfterRevoke, verdict: func(j *judgeState) harness.Verdict { return j.commits.revoked.toVerdict("") },
		heldTo: heldToNothing,
	}
)

// committedOffsets follows what each group has committed.
//
// A commit regression is a confirmed commit below the one before it, of the same
// group and partition. A rewind to an offset of its own (because the log was cut,
// or the design says so) lowers what was committed before to that offset.
//
// A commit after revoke is a confirmed commit that is no regression, by an owner
// that had surely lost the partition by then. In the evidence of a regression it is
// named as the culprit, whichever of the two commits it was.
type committedOffsets struct {
	facts     *Facts
	fences    *fences      // asked who had what
	source    []lastCommit // of the run's group on the source, by partition
	others    map[groupPartition]*lastCommit
	regressed findings
	revoked   findings // revoked are commits after a revoke
	afterLoss int64    // afterLoss is how many regressions have a commit after a revoke in them
}

// groupPartition is a partition as a group reads it.
type groupPartition struct {
	group     uint32
	topic     uint16
	partition int32
}

// lastCommit is the latest commit; its offset is 0 before any.
type lastCommit struct {
	offset int64
	at     time.Duration
	by     ledger.Owner
}

func newCommittedOffsets(f *Facts, fences *fences) *committedOffsets {
	return &committedOffsets{facts: f, fences: fences, source: make([]lastCommit, f.Partitions), others: map[groupPartition]*lastCommit{}}
}

func (c *committedOffsets) trackCommits(b *batch) {
	for _, e := range b.Rare {
		switch e.Kind {
		case ledger.EventCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				c.judgeNextCommit(e)
			}
		case ledger.EventRewound:
			if k := c.lastCommitOf(e); e.Offset >= 0 {
				k.offset = min(k.offset, e.Offset)
			}
		}
	}
}

func (c *committedOffsets) lastCommitOf(e *ledger.Event) *lastCommit {
	if e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < len(c.source) {
		return &c.source[e.Partition]
	}
	k := groupPartition{e.Key, e.Topic, e.Partition}
	if c.others[k] == nil {
		c.others[k] = &lastCommit{}
	}
	return c.others[k]
}

func (c *committedOffsets) judgeNextCommit(e *ledger.Event) {
	k := c.lastCommitOf(e)
	before := *k
	*k = lastCommit{e.Offset, e.At, e.Owner}
	why := c.describeLoss(e, e.Owner, e.At)
	switch {
	case e.Offset < before.offset:
		earlier := c.describeLoss(e, before.by, before.at)
		if why != "" || earlier != "" {
			c.afterLoss++
		}
		c.regressed.addAnomaly(func() harness.Anomaly {
			a := c.commitAnomaly(e, "commit %d at %s by %s%s, below the commit %d at %s by %s%s",
				e.Offset, formatTime(e.At), c.facts.podName(e.Owner), why, before.offset, formatTime(before.at), c.facts.podName(before.by), earlier)
			a.Pods = append(a.Pods, c.facts.podName(before.by))
			return a
		})
	case why != "":
		c.revoked.addAnomaly(func() harness.Anomaly {
			return c.commitAnomaly(e, "commit %d at %s by %s%s, after the commit %d", e.Offset, formatTime(e.At), c.facts.podName(e.Owner), why, before.offset)
		})
	}
}

// commitAnomaly is evidence at the last record that the commit covers.
func (c *committedOffsets) commitAnomaly(e *ledger.Event, format string, args ...any) harness.Anomaly {
	a := anomalyOf(c.facts, e, format, args...)
	a.Key, a.Seq, a.Offset = unknownIdentity, unknownIdentity, max(0, e.Offset-1)
	return a
}

// describeLoss says in words that owner had lost the partition of e before it committed; it
// is empty if it had not, or nobody saw that it ever had it.
func (c *committedOffsets) describeLoss(e *ledger.Event, owner ledger.Owner, when time.Duration) string {
	if e.OwnGroup() && e.Topic == 0 || owner == 0 {
		return ""
	}
	l, lost := c.fences.lostBefore(ledger.Position{Topic: e.Topic, Partition: e.Partition}, owner, when)
	switch {
	case !lost:
		return ""
	case l.by != nil:
		return fmt.Sprintf(" (which the group had expelled by %s)", formatTime(l.until))
	default:
		return fmt.Sprintf(" (which had lost the partition by %s)", formatTime(l.until))
	}
}

func (c *committedOffsets) regressionVerdict() harness.Verdict {
	detail := ""
	if c.afterLoss > 0 {
		detail = fmt.Sprintf("%d of %d have a commit in them by a pod that had lost the partition", c.afterLoss, c.regressed.count)
	}
	return c.regressed.toVerdict(detail)
}
