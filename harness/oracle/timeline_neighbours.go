package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// failedNeighbours are attempts that failed at records of other keys, in the partition of an unexplained duplicate. A
// failed record is often why its neighbours are repeated.
type failedNeighbours []failedAttempt

type failedAttempt struct {
	event ledger.Event
	text  string
}

// maxNeighbours is how many failed neighbours a story has.
const maxNeighbours = 3

// note keeps the last few attempts that failed before the anomaly.
func (n *failedNeighbours) note(t *timeline, e *ledger.Event) {
	a := t.anomaly
	failed := e.Outcome == ledger.OutcomeError || e.Outcome == ledger.OutcomePoison
	if t.check != CheckUnexplainedDuplicate || !failed || e.Topic != a.Topic || e.Partition != a.Partition || e.At > a.At {
		return
	}
	if len(*n) == maxNeighbours {
		*n = append((*n)[:0], (*n)[1:]...)
	}
	*n = append(*n, failedAttempt{*e, fmt.Sprintf("%s, key %d seq %d: %s", t.describePlace(e), e.Key, e.Seq, e.Outcome)})
}

// addFailedNeighbours adds those that failed after the first effect of the record began, in a pod that had an effect.
func (t *timeline) addFailedNeighbours() {
	first := time.Duration(-1)
	worked := map[ledger.Owner]bool{}
	for i := range t.entries {
		m := &t.entries[i]
		if m.kind == ledger.EventStart && m.outcome == ledger.OutcomeEffect && m.seq == t.anomaly.Seq {
			worked[m.owner] = true
			if first < 0 || m.At < first {
				first = m.At
			}
		}
	}
	for _, f := range t.failed {
		if e := &f.event; worked[e.Owner] && e.At >= first {
			t.entries = append(t.entries, timelineEvent{
				TimelineEntry: harness.TimelineEntry{At: e.Start, Until: e.At, Track: t.facts.podName(e.Owner), Text: f.text},
				kind:          ledger.EventStart, owner: e.Owner, place: e.Position(), seq: ledger.NoIdentity, outcome: e.Outcome,
			})
		}
	}
}
