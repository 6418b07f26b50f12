package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	commitRegressionEntry = entry{
		name: CheckCommitRegression, verdict: func(j *judging) harness.Verdict { return j.commits.regressions() },
		heldTo: heldToAtLeastOnce, leans: []string{LedgerComplete, ObserversKeptUp},
	}
	afterRevokeEntry = entry{
		name: CheckCommitAfterRevoke, verdict: func(j *judging) harness.Verdict { return j.commits.revoked.verdict("") },
		heldTo: heldToNothing,
	}
)

// commits follows what each group has committed.
//
// A commit regression is a confirmed commit below the one before it, of the same
// group and partition. A rewind to an offset of its own (because the log was cut,
// or the design says so) lowers what was committed before to that offset.
//
// A commit after revoke is a confirmed commit that is no regression, by an owner
// that had surely lost the partition by then. In the evidence of a regression it is
// named as the culprit, whichever of the two commits it was.
type commits struct {
	facts     *Facts
	fences    *fences     // asked who had what
	source    []committed // of the run's group on the source, by partition
	others    map[groupPart]*committed
	regressed findings
	revoked   findings // revoked are commits after a revoke
	culprits  int64    // culprits is how many regressions have a commit after a revoke in them
}

// groupPart is a partition as a group reads it.
type groupPart struct {
	group     uint32
	topic     uint16
	partition int32
}

// committed is the latest commit; its offset is 0 before any.
type committed struct {
	offset int64
	at     time.Duration
	by     ledger.Owner
}

func newCommits(f *Facts, fences *fences) *commits {
	return &commits{facts: f, fences: fences, source: make([]committed, f.Partitions), others: map[groupPart]*committed{}}
}

func (c *commits) observe(b *batch) {
	for _, e := range b.Rare {
		switch e.Kind {
		case ledger.EventCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				c.commit(e)
			}
		case ledger.EventRewound:
			if k := c.of(e); e.Offset >= 0 {
				k.offset = min(k.offset, e.Offset)
			}
		}
	}
}

func (c *commits) of(e *ledger.Event) *committed {
	if e.Topic == 0 && !e.OwnGroup() && e.Partition >= 0 && int(e.Partition) < len(c.source) {
		return &c.source[e.Partition]
	}
	k := groupPart{e.Key, e.Topic, e.Partition}
	if c.others[k] == nil {
		c.others[k] = &committed{}
	}
	return c.others[k]
}

func (c *commits) commit(e *ledger.Event) {
	k := c.of(e)
	before := *k
	*k = committed{e.Offset, e.At, e.Owner}
	why := c.afterRevoke(e, e.Owner, e.At)
	switch {
	case e.Offset < before.offset:
		earlier := c.afterRevoke(e, before.by, before.at)
		if why != "" || earlier != "" {
			c.culprits++
		}
		c.regressed.add(func() harness.Anomaly {
			a := c.anomaly(e, "commit %d at %s by %s%s, below the commit %d at %s by %s%s",
				e.Offset, moment(e.At), c.facts.name(e.Owner), why, before.offset, moment(before.at), c.facts.name(before.by), earlier)
			a.Pods = append(a.Pods, c.facts.name(before.by))
			return a
		})
	case why != "":
		c.revoked.add(func() harness.Anomaly {
			return c.anomaly(e, "commit %d at %s by %s%s, after the commit %d", e.Offset, moment(e.At), c.facts.name(e.Owner), why, before.offset)
		})
	}
}

// anomaly is evidence at the last record that the commit covers.
func (c *commits) anomaly(e *ledger.Event, format string, args ...any) harness.Anomaly {
	a := anomaly(c.facts, e, format, args...)
	a.Key, a.Seq, a.Offset = nobody, nobody, max(0, e.Offset-1)
	return a
}

// afterRevoke says in words that owner had lost the partition of e before it committed; it
// is empty if it had not, or nobody saw that it ever had it.
func (c *commits) afterRevoke(e *ledger.Event, owner ledger.Owner, when time.Duration) string {
	if e.OwnGroup() && e.Topic == 0 || owner == 0 {
		return ""
	}
	l, lost := c.fences.lostBefore(ledger.Position{Topic: e.Topic, Partition: e.Partition}, owner, when)
	switch {
	case !lost:
		return ""
	case l.by != nil:
		return fmt.Sprintf(" (which the group had expelled by %s)", moment(l.until))
	default:
		return fmt.Sprintf(" (which had lost the partition by %s)", moment(l.until))
	}
}

func (c *commits) regressions() harness.Verdict {
	detail := ""
	if c.culprits > 0 {
		detail = fmt.Sprintf("%d of %d have a commit in them by a pod that had lost the partition", c.culprits, c.regressed.count)
	}
	return c.regressed.verdict(detail)
}
