package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var inversionEntry = entry{
	name: "inversion", make: func(f *Facts) Check { return &inversion{facts: f} },
	heldTo: heldToKeyOrder, leans: []string{LedgerComplete, PodsFed},
}

// inversion finds first effects of a key out of the order of its records in the
// log. A redelivery that steps back is no inversion: its record had its first
// effect in order.
type inversion struct {
	facts *Facts
	keys  perKey[latest]
	found findings
}

// latest is the first effect furthest ahead in the log. rank is its offset + 1,
// 0 before any.
type latest struct {
	rank int64
	seq  uint32
	by   ledger.Owner
}

func (c *inversion) Name() string { return inversionEntry.name }

func (c *inversion) Observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if !isEffect(e) || !e.First || !e.Held {
			continue
		}
		k := c.keys.at(e.Key)
		if e.Offset+1 > k.rank {
			*k = latest{rank: e.Offset + 1, seq: e.Seq, by: e.Owner}
			continue
		}
		ahead := *k
		c.found.add(func() harness.Anomaly {
			a := anomaly(c.facts, e, "first effect at %s, after the effect of seq %d of the same key (offset %d, by %s)",
				at(e.At), ahead.seq, ahead.rank-1, c.facts.name(ahead.by))
			a.Pods = append(a.Pods, c.facts.name(ahead.by))
			return a
		})
	}
}

func (c *inversion) Verdict() harness.Verdict { return c.found.verdict("") }
