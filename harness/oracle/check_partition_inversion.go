package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var partitionEntry = entry{
	name: CheckPartitionInversion, make: func(j *judgeState) check {
		return &partitionInversion{facts: j.Facts, furthest: make([]furthestEffect, j.Partitions)}
	},
	heldTo: heldToPartitionOrder, leans: []string{LedgerComplete, NoPodStarved},
}

// partitionInversion finds first effects of a partition out of offset order: those that
// come after one of a later record of the source's partition. Unfenced work is left
// out.
type partitionInversion struct {
	facts    *Facts
	furthest []furthestEffect // by partition
	found    findings
}

// furthestEffect is the first effect furthest ahead. rank is its offset + 1, 0 before any.
type furthestEffect struct {
	rank int64
	by   ledger.Owner
}

func (c *partitionInversion) Observe(b *batch) {
	for _, e := range b.Firsts {
		if e.Unfenced {
			continue
		}
		p := &c.furthest[e.Origin]
		if e.Source+1 > p.rank {
			*p = furthestEffect{rank: e.Source + 1, by: e.Owner}
			continue
		}
		ahead := *p
		c.found.addAnomaly(func() harness.Anomaly {
			return anomalyOf(c.facts, e, "first effect at %s, after that of offset %d by %s", formatTime(e.At), ahead.rank-1, c.facts.podName(ahead.by))
		})
	}
}

func (c *partitionInversion) Verdict() harness.Verdict { return c.found.toVerdict("") }
