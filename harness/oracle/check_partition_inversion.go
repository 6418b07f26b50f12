package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var partitionEntry = entry{
	name: CheckPartitionInversion, make: func(j *judging) check { return &partitionOrder{facts: j.Facts, latest: make([]latest, j.Partitions)} },
	heldTo: heldToPartitionOrder, leans: []string{LedgerComplete, NoPodStarved},
}

// partitionOrder finds first effects of a partition out of offset order: those that
// come after one of a later record of the source's partition. Unfenced work is left
// out.
type partitionOrder struct {
	facts  *Facts
	latest []latest // by partition
	found  findings
}

// latest is the first effect furthest ahead. rank is its offset + 1, 0 before any.
type latest struct {
	rank int64
	by   ledger.Owner
}

func (c *partitionOrder) Observe(b *batch) {
	for _, e := range b.Firsts {
		if e.Unfenced {
			continue
		}
		p := &c.latest[e.Origin]
		if e.Source+1 > p.rank {
			*p = latest{rank: e.Source + 1, by: e.Owner}
			continue
		}
		ahead := *p
		c.found.add(func() harness.Anomaly {
			return anomaly(c.facts, e, "first effect at %s, after that of offset %d by %s", moment(e.At), ahead.rank-1, c.facts.name(ahead.by))
		})
	}
}

func (c *partitionOrder) Verdict() harness.Verdict { return c.found.verdict("") }
