package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// maxExamples is how many anomalies a verdict describes.
const maxExamples = 5

// findings counts anomalies and keeps the first few.
type findings struct {
	count    int64
	examples []harness.Anomaly
}

func (f *findings) addAnomaly(a func() harness.Anomaly) {
	f.count++
	if len(f.examples) < maxExamples {
		example := a()
		example.Pods = uniqueNames(example.Pods)
		f.examples = append(f.examples, example)
	}
}

// uniqueNames are the names without repetitions.
func uniqueNames(names []string) (all []string) {
	for _, n := range names {
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

func (f *findings) toVerdict(detail string) harness.Verdict {
	return harness.Verdict{Count: f.count, Examples: f.examples, Detail: detail}
}

// anomalyOf is an anomaly at an event.
func anomalyOf(f *Facts, e *ledger.Event, format string, args ...any) harness.Anomaly {
	a := harness.Anomaly{
		Text: fmt.Sprintf(format, args...), At: e.At, RecordPlace: recordAt(e.Position(), e.Key, e.Seq),
	}
	if e.Owner != 0 {
		a.Pods = []string{f.podName(e.Owner)}
	}
	return a
}

// appendedAnomaly is an anomaly at a record of the log.
func appendedAnomaly(p ledger.Position, key, seq uint32, text string) harness.Anomaly {
	return harness.Anomaly{Text: text, RecordPlace: recordAt(p, key, seq)}
}

func recordAt(p ledger.Position, key, seq uint32) *harness.RecordPlace {
	return &harness.RecordPlace{Key: key, Seq: seq, Topic: p.Topic, Partition: p.Partition, Offset: p.Offset}
}

// unknownIdentity is the key and the seq of an anomaly of which only the position is known.
const unknownIdentity = ledger.NoIdentity

// unnamedAnomaly is an anomaly at a position. [NameRecords] finds the record there.
func unnamedAnomaly(p ledger.Position, at time.Duration, text string) harness.Anomaly {
	return harness.Anomaly{Text: text, At: at, RecordPlace: recordAt(p, unknownIdentity, unknownIdentity)}
}

// NameRecords sets the record of each anomaly of which only the position is known. finalRead calls its argument
// for each record of the final read.
func NameRecords(verdicts []harness.Verdict, finalRead func(func(*ledger.Slot)) error) error {
	at := map[ledger.Position][]*harness.Anomaly{}
	for i := range verdicts {
		for k := range verdicts[i].Examples {
			if a := &verdicts[i].Examples[k]; a.Key == unknownIdentity && a.Seq == unknownIdentity {
				p := ledger.Position{Topic: a.Topic, Partition: a.Partition, Offset: a.Offset}
				at[p] = append(at[p], a)
			}
		}
	}
	if len(at) == 0 {
		return nil
	}
	return finalRead(func(s *ledger.Slot) {
		for _, a := range at[s.Position()] {
			a.Key, a.Seq = s.Key(), s.Seq()
		}
	})
}

// countRecords is "1 record was", "2 records were".
func countRecords(n int64) string {
	if n == 1 {
		return "1 record was"
	}
	return fmt.Sprintf("%d records were", n)
}

// formatTime writes a time of a run for people.
func formatTime(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
