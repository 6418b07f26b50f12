package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// A retry overtaking is the first effect of a record after that of a later record
// of its key, where the record had had a failed attempt before the first such
// effect: it waited to be tried again and the key went on. A record that never has
// an effect, because it is poison, was overtaken by nobody. A dead letter ends the
// retries before it: an effect in spite of it is an inversion.
var overtakingEntry = entry{
	name: CheckRetryOvertaking, verdict: func(j *judging) harness.Verdict { return j.keyed.overtaken.verdict("") },
	heldTo: heldToKeyOrder, leans: []string{LedgerComplete, NoPodStarved},
}

func (c *keyed) overtake(k *keyState, e *ledger.Event, f failure) {
	c.overtaken.add(func() harness.Anomaly {
		a := anomaly(c.facts, e, "failed at %s by %s, and had its first effect at %s, after that of %s",
			moment(f.at), c.facts.name(f.by), moment(e.At), c.first(k))
		a.Pods = append(a.Pods, c.facts.name(k.topBy))
		return a
	})
}
