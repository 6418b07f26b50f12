package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var overlapEntry = entry{
	name: "overlap", make: func(f *Facts) Check { return &overlap{facts: f} },
	heldTo: heldToKeyOrder, leans: []string{LedgerComplete, PodsFed},
}

// overlap finds two attempts on one key at once, in one pod or in two.
type overlap struct {
	facts *Facts
	keys  perKey[working]
	found findings
}

// working is the attempts under way on a key: their number and the latest.
type working struct {
	open  int32
	seq   uint32
	start time.Duration
	by    ledger.Owner
}

func (c *overlap) Name() string { return overlapEntry.name }

func (c *overlap) Observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if e.Edge != ledger.EdgeStart && e.Edge != ledger.EdgeEnd || !e.Held || c.facts.isOutput(e) {
			continue
		}
		k := c.keys.at(e.Key)
		if e.Edge == ledger.EdgeEnd {
			k.open--
			continue
		}
		if k.open > 0 {
			other := *k
			c.found.add(func() harness.Anomaly {
				a := anomaly(c.facts, e, "begun at %s while %s worked on seq %d of the same key since %s",
					at(e.At), c.facts.name(other.by), other.seq, at(other.start))
				a.Pods = append(a.Pods, c.facts.name(other.by))
				return a
			})
		}
		*k = working{open: k.open + 1, seq: e.Seq, start: e.At, by: e.Owner}
	}
}

func (c *overlap) Verdict() harness.Verdict { return c.found.verdict("") }
