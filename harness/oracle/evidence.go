package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// nobody is the key and seq of an anomaly whose record is known by its position alone.
const nobody = ledger.NoIdentity

// unnamed is an anomaly at a position; [Name] finds out which record lies there.
func unnamed(p ledger.Position, at time.Duration, text string) harness.Anomaly {
	return harness.Anomaly{Text: text, Key: nobody, Seq: nobody, Topic: p.Topic, Partition: p.Partition, Offset: p.Offset, At: at}
}

// Name fills in which record lies at the position of each anomaly that knows
// its position alone. landed calls its argument for each record of the final
// read.
func Name(verdicts []harness.Verdict, landed func(func(*ledger.Slot)) error) error {
	at := map[ledger.Position][]*harness.Anomaly{}
	for i := range verdicts {
		for k := range verdicts[i].Examples {
			if a := &verdicts[i].Examples[k]; a.Key == nobody && a.Seq == nobody {
				p := ledger.Position{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset}
				at[p] = append(at[p], a)
			}
		}
	}
	if len(at) == 0 {
		return nil
	}
	return landed(func(s *ledger.Slot) {
		for _, a := range at[s.Position()] {
			a.Key, a.Seq = s.Key, s.Seq
		}
	})
}

// at writes a moment of a run for people.
func at(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
