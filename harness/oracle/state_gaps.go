package oracle

import (
	"slices"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// gaps are the records of a partition of the source that were deleted before their owner had asked for them. It
// was told that its offset is out of range, and goes on behind them. What it had asked for before it may still
// have, and work on. The zero value has none.
type gaps struct {
	start int64 // start is the first offset that is left.
	owner ledger.Owner
	asked int64 // asked is the last offset that owner has asked for.
	list  []gap
}

// gap are the offsets [from, to).
type gap struct{ from, to int64 }

// track notes what an owner asked for, a deletion, or that an owner goes on at another offset, and reports
// whether that leaves a gap.
func (g *gaps) track(e *ledger.Event) bool {
	switch e.Kind {
	case ledger.EventFetched:
		g.owner, g.asked = e.Owner, e.Offset
	case ledger.EventTrimmed:
		g.start = max(g.start, e.Offset)
	case ledger.EventReset:
		if to := min(e.Offset, g.start); g.owner == e.Owner && g.asked < to {
			g.list = append(g.list, gap{g.asked, to})
			return true
		}
	}
	return false
}

// has reports whether an offset lies in a gap.
func (g *gaps) has(offset int64) bool {
	return slices.ContainsFunc(g.list, func(g gap) bool { return g.from <= offset && offset < g.to })
}
