package oracle

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	lossEntry = entry{
		name: "loss", make: func(f *Facts) Check { return f.ending().view("loss", lost) },
		heldTo: heldToAtLeastOnce, leans: []string{LedgerComplete, DrainEnded},
	}
	stallEntry = entry{
		name: "stall", make: func(f *Facts) Check { return f.ending().view("stall", stalled) },
		heldTo: heldAlways("progress"), leans: []string{LedgerComplete, DrainEnded},
	}
	overloadEntry = entry{
		name: "overload", make: func(f *Facts) Check { return f.ending().view("overload", overloaded) },
		heldTo: heldToNothing, // whether it may is the scenario's word; the engine judges it
	}
)

// fate is what became of a landed record that was never finished.
type fate int

const (
	lost       fate = iota // the group's commit is past it: nobody will ever work on it
	stalled                // still owed, and nothing was finished for long
	overloaded             // still owed while completions went on
)

// unfinished finds the landed records without an effect and tells apart what
// became of them. The three checks share one, which the first of them feeds.
type unfinished struct {
	facts *Facts
	last  time.Duration // last is the latest first effect before the drain ended
}

func (f *Facts) ending() *unfinished {
	if f.unfinished == nil {
		f.unfinished = &unfinished{facts: f}
	}
	return f.unfinished
}

func (u *unfinished) view(name string, what fate) Check {
	v := &view{name: name, verdict: func() harness.Verdict { return u.verdict(what) }}
	if what == lost {
		v.observe = u.observe
	}
	return v
}

func (u *unfinished) observe(events []ledger.Event) {
	for i := range events {
		if e := &events[i]; isEffect(e) && e.First && e.At <= u.facts.DrainEnd {
			u.last = e.At
		}
	}
}

// fateOf says what becomes of an unfinished record at offset.
func (u *unfinished) fateOf(partition int, offset int64) fate {
	switch {
	case offset < u.facts.final(partition):
		return lost
	case u.facts.DrainEnd-u.last > u.facts.StallAfter():
		return stalled
	default:
		return overloaded
	}
}

func (u *unfinished) verdict(what fate) harness.Verdict {
	var found findings
	for p := range u.facts.Partitions {
		done := &u.facts.finished[p]
		for offset := range u.facts.Log.End(0, int32(p)) {
			at := ledger.Position{Partition: int32(p), Offset: offset}
			if u.facts.Log.Landed(at) && !done.Has(offset) && u.fateOf(p, offset) == what {
				found.add(func() harness.Anomaly { return u.example(what, at) })
			}
		}
	}
	return found.verdict(u.detail(what, found.count))
}

func (u *unfinished) example(what fate, at ledger.Position) harness.Anomaly {
	final := u.facts.final(int(at.Partition))
	text := map[fate]string{
		lost:       fmt.Sprintf("landed, never finished, and the group's commit %d is past it", final),
		stalled:    fmt.Sprintf("landed and still owed (commit %d), but nothing was finished after %v", final, u.last.Round(time.Millisecond)),
		overloaded: fmt.Sprintf("landed and still owed (commit %d) when the drain ended", final),
	}[what]
	return unnamed(at, u.facts.DrainEnd, text)
}

func (u *unfinished) detail(what fate, n int64) string {
	if n == 0 {
		return ""
	}
	switch what {
	case lost:
		return fmt.Sprintf("%d of %d landed records have no effect and lie below the group's commit", n, u.facts.Log.Len())
	case stalled:
		return fmt.Sprintf("%d records were owed when the drain ended and nothing had been finished for %v, more than session + 2 x commit + 2 s = %v",
			n, (u.facts.DrainEnd - u.last).Round(time.Millisecond), u.facts.StallAfter())
	default:
		return fmt.Sprintf("%d records were owed when the drain ended, while completions went on", n)
	}
}
