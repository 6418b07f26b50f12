package oracle

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// committedOffsets follows what each group committed, for [CheckCommitRegression] and [CheckCommitAfterRevoke].
type committedOffsets struct {
	facts     *Facts
	fences    *fences      // fences know who owned what.
	source    []lastCommit // source has those of the run's group on the source, by partition.
	others    map[groupPartition]*lastCommit
	regressed findings
	revoked   findings // revoked are commits after a revoke.
	afterLoss int64    // afterLoss is how many regressions have a commit after a revoke in them.
}

// groupPartition is a partition as a group reads it.
type groupPartition struct {
	group     uint32
	topic     uint16
	partition int32
}

// lastCommit is the latest commit. Its offset is 0 before any.
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
		case ledger.EventExpired:
			c.forgetGroup(e.Group)
		case ledger.EventRewound:
			if last := c.lastCommitOf(e); e.Offset >= 0 {
				last.offset = min(last.offset, e.Offset)
			}
		}
	}
}

// forgetGroup drops the commits of a group that has lost them.
func (c *committedOffsets) forgetGroup(group uint32) {
	if group == 0 {
		clear(c.source)
	}
	maps.DeleteFunc(c.others, func(p groupPartition, _ *lastCommit) bool { return p.group == group })
}

// lastCommitOf is the latest commit of the event's group and partition.
func (c *committedOffsets) lastCommitOf(e *ledger.Event) *lastCommit {
	if e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < len(c.source) {
		return &c.source[e.Partition]
	}
	k := groupPartition{e.Group, e.Topic, e.Partition}
	if c.others[k] == nil {
		c.others[k] = &lastCommit{}
	}
	return c.others[k]
}

func (c *committedOffsets) judgeNextCommit(e *ledger.Event) {
	last := c.lastCommitOf(e)
	before := *last
	*last = lastCommit{e.Offset, e.At, e.Owner}
	lost := c.describeLoss(e, e.Owner, e.At)
	switch {
	case e.Offset < before.offset && e.Flags&ledger.FlagLate != 0: // the broker let it wait, and no client can take it back
	case e.Offset < before.offset && c.facts.goesBackToCut(e, before.offset, before.at):
	case e.Offset < before.offset:
		lostBefore := c.describeLoss(e, before.by, before.at)
		if lost != "" || lostBefore != "" {
			c.afterLoss++
		}
		c.regressed.addAnomaly(func() harness.Anomaly {
			a := c.commitAnomaly(e, "%s%s committed %d at %s, below the commit %d at %s by %s%s",
				c.facts.podName(e.Owner), lost, e.Offset, formatTime(e.At), before.offset, formatTime(before.at), c.facts.podName(before.by), lostBefore)
			a.Pods = append(a.Pods, c.facts.podName(before.by))
			if lost == "" && lostBefore != "" { // the pod that had lost the partition is the culprit
				a.At = before.at
				slices.Reverse(a.Pods)
			}
			return a
		})
	case lost != "":
		c.revoked.addAnomaly(func() harness.Anomaly {
			return c.commitAnomaly(e, "%s%s committed %d at %s, after the commit %d", c.facts.podName(e.Owner), lost, e.Offset, formatTime(e.At), before.offset)
		})
	}
}

// commitAnomaly is evidence at the last record that the commit covers.
func (c *committedOffsets) commitAnomaly(e *ledger.Event, format string, args ...any) harness.Anomaly {
	a := anomalyOf(c.facts, e, format, args...)
	a.Key, a.Seq, a.Offset = unknownIdentity, unknownIdentity, max(0, e.Offset-1)
	return a
}

// describeLoss says in words that owner had surely lost the partition of e before a time. It is empty if it had
// not, or if no observer saw that it ever owned it.
func (c *committedOffsets) describeLoss(e *ledger.Event, owner ledger.Owner, when time.Duration) string {
	if e.OwnGroup() && e.Topic == 0 || owner == 0 {
		return ""
	}
	i, lost := c.fences.lostBefore(ledger.Position{Topic: e.Topic, Partition: e.Partition}, owner, when)
	switch {
	case !lost:
		return ""
	case i.by != nil:
		return fmt.Sprintf(" (expelled by the group by %s)", formatTime(i.until))
	default:
		return fmt.Sprintf(" (not the owner since %s)", formatTime(i.until))
	}
}

func (c *committedOffsets) regressionVerdict() harness.Verdict {
	detail := ""
	if c.afterLoss > 0 {
		detail = fmt.Sprintf("in %d of %d regressions, a pod made a commit that had lost the partition", c.afterLoss, c.regressed.count)
	}
	return c.regressed.toVerdict(detail)
}
