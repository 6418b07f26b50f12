package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var phantomEntry = entry{
	name: CheckPhantom, make: func(j *judgeState) check { return &phantom{facts: j.Facts} },
	heldTo: heldAlways("effects of records sent, alone"), leans: []string{LedgerComplete},
}

// phantom finds effects for records that do not lie where the effect says: never
// sent, or sent by another run; and copies in side topics of records that the
// source never had. Where a checksum does not hold it is [corruption] instead.
//
// An event counts if it is an effect, or a copy appended (EventCopied), is not
// held by the final read, and does not carry FlagCorrupt.
type phantom struct {
	facts *Facts
	found findings
}

func (p *phantom) Observe(b *batch) {
	for _, e := range b.Rare {
		if !isEffect(e) && e.Kind != ledger.EventCopied || e.Held || e.Flags&ledger.FlagCorrupt != 0 {
			continue
		}
		p.found.addAnomaly(func() harness.Anomaly {
			switch {
			case e.Kind == ledger.EventCopied || p.facts.isOutput(e):
				return anomalyOf(p.facts, e, "appended to %s at %s, a record that the source never had", p.facts.topicName(e.Topic), formatTime(e.At))
			case e.Key == unknownIdentity && e.Seq == unknownIdentity:
				return anomalyOf(p.facts, e, "effect of a value that this run did not make, at %s", formatTime(e.At))
			}
			return anomalyOf(p.facts, e, "effect of a record that does not lie there, at %s", formatTime(e.At))
		})
	}
}

func (p *phantom) Verdict() harness.Verdict { return p.found.toVerdict("") }
