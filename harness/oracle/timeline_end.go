package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// lastWork is what a record that was never completed waited for: the owner of its partition at the end, and the last
// attempt there. A stall has no event of its own, so they close its story.
type lastWork struct {
	owner   ledger.Owner // owner is 0 for none.
	since   time.Duration
	attempt ledger.Owner // attempt is the incarnation that made the last attempt.
	ended   time.Duration
	down    map[ledger.Owner]bool
}

// trackWork notes the owner and the attempts of the partition of the anomaly.
func (t *timeline) trackWork(e *ledger.Event) {
	w := &t.last
	switch e.Kind {
	case ledger.EventDown:
		if w.down == nil {
			w.down = map[ledger.Owner]bool{}
		}
		w.down[e.Owner] = e.At <= t.facts.DrainEnd
		return
	case ledger.EventOwned, ledger.EventReleased, ledger.EventEnd:
	default:
		return
	}
	if a := t.anomaly; e.Topic != a.Topic || e.Partition != a.Partition || e.At > t.facts.DrainEnd || e.OwnGroup() {
		return
	}
	switch {
	case e.Kind == ledger.EventEnd:
		w.attempt, w.ended = e.Owner, e.At
	case e.Kind == ledger.EventOwned:
		if e.Owner != w.owner {
			w.owner, w.since = e.Owner, e.At
		}
	case e.Owner == w.owner:
		w.owner, w.since = 0, e.At
	}
}

// addLastWork closes the story of a stall with an entry about what the owner does not do.
func (t *timeline) addLastWork() {
	w := &t.last
	if t.check != CheckStall || t.facts.Share {
		return
	}
	add := func(who ledger.Owner, at time.Duration, text string) {
		t.entries = append(t.entries, timelineEvent{
			TimelineEntry: harness.TimelineEntry{At: at, Track: t.facts.podName(who), Text: text, Bad: true}, kind: lastWorkKind, owner: who,
		})
	}
	switch {
	case w.owner == 0 || w.down[w.owner]:
	case w.attempt == w.owner && w.ended >= w.since:
		add(w.owner, w.ended, "its last attempt in the partition, which it owns until the end")
	default:
		add(w.owner, w.since, "begins no attempt in the partition, which it owns until the end")
	}
}

// lastWorkKind is the kind of the entry that closes a story.
const lastWorkKind = lineKind - 1
