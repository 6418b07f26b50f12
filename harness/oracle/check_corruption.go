package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckCorruption finds a record that was altered on the way: the checksum over identity and body does not
// hold, the identity is gone, or Kafka's key is not the identity's key.
//
// An attempt counts when it begins. A copy in a side topic and a deferred range count when they are appended. A
// consumer may choose the key of its outputs.
const CheckCorruption = "corruption"

var _ = register(entry{
	name: CheckCorruption, gravity: recordsAltered + 1,
	finds:  "a checksum or a key that does not hold, at an attempt or in a side topic",
	claim:  "always",
	heldTo: heldAlways("keys and values unaltered"), needs: []string{LedgerComplete},
	newCheck: func(s *judgeState) check { return &corruption{facts: s.Facts} },
})

type corruption struct {
	facts *Facts
	found findings
}

func (c *corruption) Observe(b *batch) {
	for _, e := range b.Rare {
		if e.Flags&ledger.FlagCorrupt == 0 {
			continue
		}
		// The annotator makes an effect of an output, which was a copy before.
		appended := e.Kind == ledger.EventCopied || e.Kind == ledger.EventDeferred || isEffect(e) && c.facts.isOutput(e)
		if e.Kind != ledger.EventStart && !appended {
			continue
		}
		c.found.addAnomaly(func() harness.Anomaly {
			switch {
			case e.Kind == ledger.EventDeferred:
				return anomalyOf(c.facts, e, "a range appended to %s at %s cannot be read", c.facts.topicName(e.DeferredBy().Topic), formatTime(e.At))
			case appended:
				return anomalyOf(c.facts, e, "appended to %s at %s with a checksum or a key that does not hold", c.facts.topicName(e.Topic), formatTime(e.At))
			}
			return anomalyOf(c.facts, e, "given to the work at %s with a checksum or a key that does not hold", formatTime(e.At))
		})
	}
}

func (c *corruption) Verdict() harness.Verdict { return c.found.toVerdict("") }
