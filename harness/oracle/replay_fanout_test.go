package oracle

import (
	"slices"
	"testing"

	"github.com/stampede-bench/stampede/harness/ledger"
)

type collector struct{ events []ledger.Event }

func (c *collector) Observe(events []ledger.Event) { c.events = append(c.events, events...) }

// TestObserversSeeAllEventsWithTheirMarks: two observers see every event in order, with the judge's marks,
// although the source uses its lists again.
func TestObserversSeeAllEventsWithTheirMarks(t *testing.T) {
	const n = 20_000
	s := newStream(n, 1<<10)
	facts := s.facts()
	s.appendAll(facts.Log)
	var a, b collector
	if _, err := judge(facts, s, &a, &b); err != nil {
		t.Fatal(err)
	}
	var want []ledger.Event
	for s = newStream(n, 1<<10); ; {
		events, _ := s.Next(nil)
		if len(events) == 0 {
			break
		}
		want = append(want, events...)
	}
	firsts := 0
	for i := range a.events {
		if e := &a.events[i]; e.First {
			firsts++
		}
	}
	same := slices.EqualFunc(a.events, want, func(e, w ledger.Event) bool { return e.At == w.At && e.Kind == w.Kind && e.Offset == w.Offset })
	if !same || !slices.Equal(a.events, b.events) || firsts != n {
		t.Errorf("%d and %d events, %d of them first effects; want %d and %d", len(a.events), len(b.events), firsts, len(want), n)
	}
}
