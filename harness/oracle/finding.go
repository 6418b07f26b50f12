package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// maxExamples is how many anomalies a verdict spells out.
const maxExamples = 5

// findings counts anomalies and keeps the first few.
type findings struct {
	count    int64
	examples []harness.Anomaly
}

func (f *findings) add(a func() harness.Anomaly) {
	f.count++
	if len(f.examples) < maxExamples {
		example := a()
		example.Pods = once(example.Pods)
		f.examples = append(f.examples, example)
	}
}

// once are names, each the first time it comes.
func once(names []string) (all []string) {
	for _, n := range names {
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

func (f *findings) verdict(detail string) harness.Verdict {
	return harness.Verdict{Count: f.count, Examples: f.examples, Detail: detail}
}

// anomaly is the evidence that an event holds.
func anomaly(f *Facts, e *ledger.Event, format string, args ...any) harness.Anomaly {
	a := harness.Anomaly{
		Text: fmt.Sprintf(format, args...), Key: e.Key, Seq: e.Seq, Topic: e.Topic,
		Partition: e.Partition, Offset: e.Offset, At: e.At,
	}
	if e.Owner != 0 {
		a.Pods = []string{f.name(e.Owner)}
	}
	return a
}

// landed is the evidence that a record of the source holds.
func landed(p ledger.Position, key, seq uint32, text string) harness.Anomaly {
	return harness.Anomaly{Text: text, Key: key, Seq: seq, Topic: p.Topic, Partition: p.Partition, Offset: p.Offset}
}

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
			a.Key, a.Seq = s.Key(), s.Seq()
		}
	})
}

// were is "1 record was", "2 records were".
func were(n int64) string {
	if n == 1 {
		return "1 record was"
	}
	return fmt.Sprintf("%d records were", n)
}

// moment writes a time of a run for people.
func moment(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
