package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var corruptionEntry = entry{
	name: CheckCorruption, make: func(j *judgeState) check { return &corruption{facts: j.Facts} },
	heldTo: heldAlways("keys and values unaltered"), leans: []string{LedgerComplete},
}

// corruption finds records that were altered on the way: the checksum over identity and
// body of the value does not hold, the identity is gone, or the key in Kafka is not
// that of the identity. An attempt that is
// given such a record counts when it begins (EventStart), a copy in a side topic
// and a range set aside when they are appended (EventCopied, EventDeferred). The key of
// an output is its consumer's own affair.
type corruption struct {
	facts *Facts
	found findings
}

func (c *corruption) Observe(b *batch) {
	for _, e := range b.Rare {
		if e.Flags&ledger.FlagCorrupt == 0 {
			continue
		}
		// An output that stands for an effect was a copy before the pump read it.
		appended := e.Kind == ledger.EventCopied || e.Kind == ledger.EventDeferred || isEffect(e) && c.facts.isOutput(e)
		if e.Kind != ledger.EventStart && !appended {
			continue
		}
		c.found.addAnomaly(func() harness.Anomaly {
			switch {
			case e.Kind == ledger.EventDeferred:
				return anomalyOf(c.facts, e, "a range appended to %s at %s cannot be read", c.facts.topicName(uint16(e.Key)), formatTime(e.At))
			case appended:
				return anomalyOf(c.facts, e, "appended to %s at %s with a checksum or a key that does not hold", c.facts.topicName(e.Topic), formatTime(e.At))
			}
			return anomalyOf(c.facts, e, "given to the work at %s with a checksum or a key that does not hold", formatTime(e.At))
		})
	}
}

func (c *corruption) Verdict() harness.Verdict { return c.found.toVerdict("") }
