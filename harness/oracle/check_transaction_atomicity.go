package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckTransactionAtomicity finds an output that is not atomic with the commit of its input, in a consumer
// whose effects are its outputs:
//   - an output outside any transaction
//   - a commit outside any transaction, of the source or of a topic that takes over
//   - at the end, a position of the source that has an output and is not below the final commit
//
// The first two count at once: a crash between output and commit would separate them. A committed offset
// without an output is a loss, and a second output is an unexplained duplicate.
const CheckTransactionAtomicity = "transaction atomicity"

var _ = register(entry{
	name: CheckTransactionAtomicity, gravity: outcomesWrong + 3,
	finds: "an output or a commit outside the transaction, or an output whose offset is not committed",
	claim: "exactly-once, if the effects are outputs",
	heldTo: func(f *Facts) string {
		if f.Effect != harness.EffectOutput || f.Delivery != harness.ExactlyOnce {
			return ""
		}
		return string(harness.ExactlyOnce)
	},
	needs:    []string{LedgerComplete, ObserversKeptUp},
	newCheck: func(s *judgeState) check { return &transactionAtomicity{facts: s.Facts, completed: s.completed} },
	marks:    marksOutput,
})

type transactionAtomicity struct {
	facts     *Facts
	completed []ledger.Offsets // completed is the state of [judgeState].
	outputs   int64            // outputs are those outside a transaction.
	commits   int64            // commits are those outside a transaction.
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

// isInputCommit reports whether a commit is of a topic that the consumer reads.
func (a *transactionAtomicity) isInputCommit(e *ledger.Event) bool {
	return e.Topic == 0 && !e.OwnGroup() || a.facts.roleOf(e.Topic).TakesOver()
}

func (a *transactionAtomicity) Verdict() harness.Verdict {
	if a.facts.Effect != harness.EffectOutput {
		return harness.Verdict{}
	}
	uncommitted := a.findUncommitted()
	if a.found.count == 0 {
		return harness.Verdict{}
	}
	return a.found.toVerdict(fmt.Sprintf("%d outputs and %d commits outside a transaction, %d outputs whose offset is not committed",
		a.outputs, a.commits, uncommitted))
}

// findUncommitted finds the positions of the source that have an output and are not below the final commit.
func (a *transactionAtomicity) findUncommitted() (uncommitted int64) {
	for p := range a.facts.Partitions {
		final := a.facts.finalCommit(p)
		for offset := final; offset < a.facts.Log.endOffset(0, int32(p)); offset++ {
			if !a.completed[p].Has(offset) {
				continue
			}
			uncommitted++
			position := ledger.Position{Partition: int32(p), Offset: offset}
			a.found.addAnomaly(func() harness.Anomaly {
				return unnamedAnomaly(position, a.facts.DrainEnd, fmt.Sprintf("its output is committed, its offset is not (final commit %d)", final))
			})
		}
	}
	return uncommitted
}
