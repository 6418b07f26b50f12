package oracle

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var phantomEntry = entry{
	name: "phantom", make: func(f *Facts) Check { return &phantom{facts: f} },
	heldTo: heldAlways("effects of records sent, alone"), leans: []string{LedgerComplete},
}

// phantom finds effects for records that do not lie where the effect says:
// never sent, sent by another run, or altered on the way.
type phantom struct {
	facts *Facts
	found findings
}

func (p *phantom) Name() string { return phantomEntry.name }

func (p *phantom) Observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if !isEffect(e) || e.Held {
			continue
		}
		p.found.add(func() harness.Anomaly {
			if e.Key == nobody && e.Seq == nobody {
				return anomaly(p.facts, e, "effect of a value without a valid identity, at %s", at(e.At))
			}
			return anomaly(p.facts, e, "effect of a record that does not lie there, at %s", at(e.At))
		})
	}
}

func (p *phantom) Verdict() harness.Verdict { return p.found.verdict("") }
