package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var pendingEntry = entry{
	name: "loss pending", make: func(f *Facts) Check { return &pending{facts: f} },
	heldTo: heldToAtLeastOnce, leans: []string{LedgerComplete, ObserversKeptUp},
}

// pending finds commits that are ahead of the work: from the commit on until
// the work is done, a crash loses the record. It is seen at the commit and needs
// no crash to hit the window.
type pending struct {
	facts *Facts
	parts []pendingPart
	found findings
}

// pendingPart is a partition: what is finished, and up to where commits have
// been looked at.
type pendingPart struct {
	finished ledger.Offsets
	looked   int64
}

func (p *pending) Name() string { return pendingEntry.name }

func (p *pending) Observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if e.Topic != 0 || e.Partition < 0 || int(e.Partition) >= p.facts.Partitions || e.OwnGroup() {
			continue
		}
		for int(e.Partition) >= len(p.parts) {
			p.parts = append(p.parts, pendingPart{})
		}
		part := &p.parts[e.Partition]
		switch {
		case isEffect(e) && e.Held:
			part.finished.Add(e.Offset)
		case e.Edge == ledger.EdgeCommit && e.Outcome == ledger.OutcomeConfirmed:
			p.commit(part, e)
		}
	}
}

// commit looks at what a commit newly covers.
func (p *pending) commit(part *pendingPart, e *ledger.Event) {
	end := min(e.Offset, p.facts.Log.End(0, e.Partition))
	for offset := part.looked; offset < end; offset++ {
		pos := ledger.Position{Partition: e.Partition, Offset: offset}
		if part.finished.Has(offset) || !p.facts.Log.Landed(pos) {
			continue
		}
		p.found.add(func() harness.Anomaly {
			a := unnamed(pos, e.At, fmt.Sprintf("commit %d by %s at %s covers it, and its work was not finished", e.Offset, p.facts.name(e.Owner), at(e.At)))
			a.Pods = []string{p.facts.name(e.Owner)}
			return a
		})
	}
	part.looked = max(part.looked, end)
}

func (p *pending) Verdict() harness.Verdict {
	detail := ""
	if p.found.count > 0 {
		detail = fmt.Sprintf("%d records were committed before their work was finished: a crash in between loses them", p.found.count)
	}
	return p.found.verdict(detail)
}
