package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var atomicityEntry = entry{
	name: CheckTransactionAtomicity, make: func(j *judging) check { return &atomicity{facts: j.Facts, finished: j.finished} },
	heldTo: func(f *Facts) string {
		if f.Effect != harness.EffectOutput || f.Delivery != harness.ExactlyOnce {
			return ""
		}
		return string(harness.ExactlyOnce)
	},
	leans: []string{LedgerComplete, ObserversKeptUp},
}

// atomicity finds, for consumers whose effects are their output, what is not one
// with the commit of its input: an output made outside any transaction; a commit of
// the source or of a topic with custody made outside any; and, at the end, each
// position of the source that has an output and is not below the final commit.
//
// The first two are seen at once: a crash between output and commit would tear them
// apart. A committed offset without an output is loss, a second output an
// unexplained duplicate.
type atomicity struct {
	facts    *Facts
	finished []ledger.Offsets // see [judging]
	outputs  int64            // outside a transaction
	commits  int64
	found    findings
}

func (a *atomicity) Observe(b *batch) {
	if a.facts.Effect != harness.EffectOutput {
		return
	}
	for _, e := range b.Work {
		switch {
		case e.Flags&ledger.FlagTransactional != 0:
		case isEffect(e):
			a.outputs++
			a.found.add(func() harness.Anomaly {
				return anomaly(a.facts, e, "output outside the transaction at %s", moment(e.At))
			})
		case e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && a.input(e):
			a.commits++
			a.found.add(func() harness.Anomaly {
				n := anomaly(a.facts, e, "offset %d committed outside the transaction at %s", e.Offset, moment(e.At))
				n.Key, n.Seq = nobody, nobody
				return n
			})
		}
	}
}

// input reports whether a commit is of something that the consumer reads.
func (a *atomicity) input(e *ledger.Event) bool {
	return e.Topic == 0 && !e.OwnGroup() || a.facts.role(e.Topic).TakesOver()
}

func (a *atomicity) Verdict() harness.Verdict {
	if a.facts.Effect != harness.EffectOutput {
		return harness.Verdict{}
	}
	var torn int64
	for p := range a.facts.Partitions {
		final := a.facts.final(p)
		for offset := final; offset < a.facts.Log.end(0, int32(p)); offset++ {
			if a.finished[p].Has(offset) {
				torn++
				place := ledger.Position{Partition: int32(p), Offset: offset}
				a.found.add(func() harness.Anomaly {
					return unnamed(place, a.facts.DrainEnd, fmt.Sprintf("its output is committed, its offset is not (final commit %d)", final))
				})
			}
		}
	}
	if a.found.count == 0 {
		return harness.Verdict{}
	}
	return a.found.verdict(fmt.Sprintf("%d outputs and %d commits outside a transaction, %d outputs whose offset is not committed", a.outputs, a.commits, torn))
}
