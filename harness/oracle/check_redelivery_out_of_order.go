package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// A regression is a further effect of a record that is of a lower rank than the
// effect of its key right before it: the key stepped back. A rewind gives each
// key with work behind it one, so it is a figure of the design.
var regressionEntry = entry{
	name: CheckRedeliveryOutOfOrder, verdict: func(j *judging) harness.Verdict { return j.keyed.steppedBack.verdict("") },
	heldTo: heldToNothing,
}

func (c *keyed) stepBack(k *keyState, e *ledger.Event) {
	c.steppedBack.add(func() harness.Anomaly {
		return anomaly(c.facts, e, "again at %s by %s, right after offset %d of the same key", moment(e.At), c.facts.name(e.Owner), k.last.rank()-1)
	})
}
