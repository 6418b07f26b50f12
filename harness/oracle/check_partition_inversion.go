package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckPartitionInversion finds the first effect of a record that comes after the first effect of a later
// record of its partition of the source. Unfenced work is left out.
const CheckPartitionInversion = "partition inversion"

var _ = register(entry{
	name: CheckPartitionInversion, gravity: orderBroken + 4,
	finds:  "first effects of a partition out of offset order",
	claim:  "order by partition",
	heldTo: heldToPartitionOrder, needs: []string{LedgerComplete, NoPodStarved},
	newCheck: func(s *judgeState) check {
		return &partitionInversion{facts: s.Facts, furthest: make([]furthestEffect, s.Partitions)}
	},
})

type partitionInversion struct {
	facts    *Facts
	furthest []furthestEffect // furthest is by partition.
	found    findings
}

// furthestEffect is the first effect of the highest offset so far. rank is that offset + 1, 0 before any effect.
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
			return anomalyOf(c.facts, e, "first effect at %s, after the effect of offset %d by %s", formatTime(e.At), ahead.rank-1, c.facts.podName(ahead.by))
		})
	}
}

func (c *partitionInversion) Verdict() harness.Verdict { return c.found.toVerdict("") }
