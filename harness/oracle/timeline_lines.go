package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// lineKind is the kind of a line's entry. At one time, what happened comes before what a consumer says of it.
const lineKind ledger.EventKind = math.MaxUint8

// addLines adds what the consumer logged in the pods that take part in the anomaly. If it names no record and no pod, all
// do. Lines of a pod that were dropped one after the other are one entry.
func (t *timeline) addLines() {
	takesPart := t.participants()
	var known uint32 // known is how many dropped lines the entries tell of.
	lines := t.facts.Lines
	for i := range lines {
		l := &lines[i]
		last := i+1 == len(lines) || lines[i+1].Owner != l.Owner
		if (len(takesPart) == 0 || slices.Contains(takesPart, t.facts.podName(l.Owner))) && (l.Text != "" || last) {
			if lost := l.Dropped - known; lost > 0 {
				t.addLine(l, fmt.Sprintf("logs too fast: %s left out", countLines(lost)))
			}
			if l.Text != "" {
				t.addLine(l, "logs: "+l.Text)
			}
		}
		if l.Text != "" {
			known = l.Dropped
		}
		if last {
			known = 0
		}
	}
}

func (t *timeline) addLine(l *ledger.Line, text string) {
	t.entries = append(t.entries, timelineEvent{
		TimelineEntry: harness.TimelineEntry{At: l.At, Track: t.facts.podName(l.Owner), Text: text},
		kind:          lineKind, owner: l.Owner, saying: text,
	})
}

func countLines(n uint32) string {
	if n == 1 {
		return "1 line is"
	}
	return fmt.Sprintf("%d lines are", n)
}

// participants are the incarnations that the anomaly names, and those that worked, committed or owned in its story.
func (t *timeline) participants() (names []string) {
	names = slices.Clone(t.anomaly.Pods)
	for i := range t.entries {
		switch m := &t.entries[i]; m.kind {
		case ledger.EventStart, ledger.EventCommit, ledger.EventOwned, ledger.EventReleased, ledger.EventRewound, ledger.EventReset, ledger.EventAcknowledged:
			if name := t.facts.podName(m.owner); m.owner != 0 && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
