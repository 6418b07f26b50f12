package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckPhantom finds an effect of a record that does not lie at the effect's position: it was never sent, or
// another run sent it. It also finds a copy in a side topic of a record that the source never had. If the
// checksum does not hold, [CheckCorruption] counts the event instead.
const CheckPhantom = "phantom"

var _ = register(entry{
	name: CheckPhantom, gravity: recordsAltered,
	finds:  "an effect of a record that does not lie there, or a copy of one that the source never had",
	claim:  "always",
	heldTo: heldAlways("effects of records that were sent, and no others"), needs: []string{LedgerComplete},
	newCheck: func(s *judgeState) check { return &phantom{facts: s.Facts} },
})

type phantom struct {
	facts *Facts
	found findings
}

func (p *phantom) Observe(b *batch) {
	for _, e := range b.Rare {
		if !isEffect(e) && e.Kind != ledger.EventCopied || e.Held || e.Flags&ledger.FlagCorrupt != 0 || p.facts.mayBeCutOff(e.Position(), e.At) && e.Key != unknownIdentity {
			continue
		}
		p.found.addAnomaly(func() harness.Anomaly {
			switch {
			case e.Kind == ledger.EventCopied || p.facts.isOutput(e):
				return anomalyOf(p.facts, e, "appended to %s at %s; the source never had this record", p.facts.topicName(e.Topic), formatTime(e.At))
			case e.Key == unknownIdentity && e.Seq == unknownIdentity:
				return anomalyOf(p.facts, e, "effect of a value that this run did not make, at %s", formatTime(e.At))
			}
			return anomalyOf(p.facts, e, "effect of a record that does not lie there, at %s", formatTime(e.At))
		})
	}
}

func (p *phantom) Verdict() harness.Verdict { return p.found.toVerdict("") }
