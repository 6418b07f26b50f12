package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var atomicityEntry = entry{
	name: CheckTransactionAtomicity, make: func(j *judgeState) check { return &transactionAtomicity{facts: j.Facts, completed: j.completed} },
	heldTo: func(f *Facts) string {
		if f.Effect != harness.EffectOutput || f.Delivery != harness.ExactlyOnce {
			return ""
		}
		return string(harness.ExactlyOnce)
	},
	leans: []string{LedgerComplete, ObserversKeptUp},
}

// transactionAtomicity finds, for consumers whose effects are their output, what is not one
// with the commit of its input: an output made outside any transaction; a commit of
// the source or of a topic with custody made outside any; and, at the end, each
// position of the source that has an output and is not below the final commit.
//
// The first two are seen at once: a crash between output and commit would tear them
// apart. A committed offset without an output is loss, a second output an
// unexplained duplicate.
type transactionAtomicity struct {
	facts     *Facts
	completed []ledger.Offsets // see [judgeState]
	outputs   int64            // outside a transaction
	commits   int64
	found     findings
}

func (a *transactionAtomicity) Observe(b *batch) {
	if a.facts.Effect != harness.EffectOutput {
		return
	}
	for _, e := range b.Work {
		switch {
		case e.Flags&ledger.FlagTransactional != 0:
		case isEffect(e):
			a.outputs++
			a.found.addAnomaly(func() harness.Anomaly {
				return anomalyOf(a.facts, e, "output outside the transaction at %s", formatTime(e.At))
			})
		case e.Kind == ledger.EventCommit && e.Outcome == ledger.OutcomeConfirmed && a.isInputCommit(e):
			a.commits++
			a.found.addAnomaly(func() harness.Anomaly {
				n := anomalyOf(a.facts, e, "offset %d committed outside the transaction at %s", e.Offset, formatTime(e.At))
				n.Key, n.Seq = unknownIdentity, unknownIdentity
				return n
			})
		}
	}
}

// isInputCommit reports whether a commit is of something that the consumer reads.
func (a *transactionAtomicity) isInputCommit(e *ledger.Event) bool {
	return e.Topic == 0 && !e.OwnGroup() || a.facts.roleOf(e.Topic).TakesOver()
}

func (a *transactionAtomicity) Verdict() harness.Verdict {
	if a.facts.Effect != harness.EffectOutput {
		return harness.Verdict{}
	}
	var torn int64
	for p := range a.facts.Partitions {
		final := a.facts.finalCommit(p)
		for offset := final; offset < a.facts.Log.endOffset(0, int32(p)); offset++ {
			if a.completed[p].Has(offset) {
				torn++
				place := ledger.Position{Partition: int32(p), Offset: offset}
				a.found.addAnomaly(func() harness.Anomaly {
					return unnamedAnomaly(place, a.facts.DrainEnd, fmt.Sprintf("its output is committed, its offset is not (final commit %d)", final))
				})
			}
		}
	}
	if a.found.count == 0 {
		return harness.Verdict{}
	}
	return a.found.toVerdict(fmt.Sprintf("%d outputs and %d commits outside a transaction, %d outputs whose offset is not committed", a.outputs, a.commits, torn))
}
