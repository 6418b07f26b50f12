package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var partitionEntry = entry{
	name: "order by partition", make: func(f *Facts) Check { return &partitionOrder{facts: f} },
	heldTo: heldToPartitionOrder, leans: []string{LedgerComplete, PodsFed},
}

// partitionOrder finds first effects of a partition out of offset order.
type partitionOrder struct {
	facts  *Facts
	latest []latest
	found  findings
}

func (c *partitionOrder) Name() string { return partitionEntry.name }

func (c *partitionOrder) Observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if !isEffect(e) || !e.First || e.Topic != 0 || !e.Held {
			continue
		}
		for int(e.Partition) >= len(c.latest) {
			c.latest = append(c.latest, latest{})
		}
		p := &c.latest[e.Partition]
		if e.Offset+1 > p.rank {
			*p = latest{rank: e.Offset + 1, by: e.Owner}
			continue
		}
		ahead := *p
		c.found.add(func() harness.Anomaly {
			return anomaly(c.facts, e, "first effect at %s, after that of offset %d by %s", at(e.At), ahead.rank-1, c.facts.name(ahead.by))
		})
	}
}

func (c *partitionOrder) Verdict() harness.Verdict { return c.found.verdict("") }
