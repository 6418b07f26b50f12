package oracle

import (
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// nobody is the key and seq of an anomaly whose record is known by its position alone.
const nobody = math.MaxUint32

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

// Trace replays src once more and adds to the text of each loss when the record
// was due, and who attempted it.
func Trace(f *Facts, src Source, verdicts []harness.Verdict) error {
	type story struct {
		due      time.Duration
		attempts []string
		pods     []string
	}
	stories := map[[2]uint32]*story{}
	for _, v := range verdicts {
		if traced(v) {
			for _, a := range v.Examples {
				stories[[2]uint32{a.Key, a.Seq}] = &story{}
			}
		}
	}
	if len(stories) == 0 {
		return nil
	}
	for {
		events, err := src.Next()
		if err != nil {
			return fmt.Errorf("trace: %w", err)
		}
		if len(events) == 0 {
			break
		}
		for i := range events {
			e := &events[i]
			s := stories[[2]uint32{e.Key, e.Seq}]
			switch {
			case s == nil:
			case e.Edge == ledger.EdgeSent:
				s.due = e.Due
			case e.Edge == ledger.EdgeEnd:
				s.pods = append(s.pods, f.name(e.Owner))
				s.attempts = append(s.attempts, fmt.Sprintf("%s from %s to %s: %s", f.name(e.Owner), at(e.Start), at(e.At), e.Outcome))
			}
		}
	}
	for i := range verdicts {
		if !traced(verdicts[i]) {
			continue
		}
		for k := range verdicts[i].Examples {
			a := &verdicts[i].Examples[k]
			s := stories[[2]uint32{a.Key, a.Seq}]
			a.Pods = s.pods
			if len(s.attempts) == 0 {
				a.Text += fmt.Sprintf("; due at %s, no pod ever began it", at(s.due))
			} else {
				a.Text += fmt.Sprintf("; due at %s, attempts: %v", at(s.due), s.attempts)
			}
		}
	}
	return nil
}

func traced(v harness.Verdict) bool {
	return (v.Check == "loss" || v.Check == "stall") && v.Count > 0
}

// at writes a moment of a run for people.
func at(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
