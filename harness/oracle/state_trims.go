package oracle

import (
	"fmt"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// trims are the deletions of records of the source, as by retention. A record that was deleted before a commit
// of the run's group was past it, and that was not completed, is overtaken: no consumer can complete it.
//
// A deletion counts from when it was asked for. A commit without a known result counts as none. So in doubt the
// consumer is not to blame.
type trims struct {
	facts *Facts
	parts []partitionTrims
}

// partitionTrims are the deletions of a partition.
type partitionTrims struct {
	start     int64 // start is the first offset that is left.
	committed int64
	list      []trim
}

// trim is the deletion of the records [from, to).
type trim struct {
	at        time.Duration
	from, to  int64
	committed int64 // committed is the commit at that time.
	told      time.Duration
	by        ledger.Owner // by is the first pod that was told, 0 without one: it had to begin at another offset.
	resumed   int64        // resumed is where it began.
	latest    bool         // latest: that was the end of the log.
}

func newTrims(f *Facts) *trims { return &trims{facts: f, parts: make([]partitionTrims, f.Partitions)} }

// trackTrims notes deletions, commits, and members that begin at another offset.
func (t *trims) trackTrims(b *batch) {
	for _, e := range b.Rare {
		switch e.Kind {
		case ledger.EventExpired:
			for i := range t.parts {
				if !e.OwnGroup() {
					t.parts[i].committed = 0
				}
			}
		case ledger.EventTrimmed:
			if p := t.partitionOf(e); p != nil && e.Offset > p.start {
				p.list = append(p.list, trim{at: e.At, from: p.start, to: e.Offset, committed: p.committed})
				p.start = e.Offset
			}
		case ledger.EventCommit:
			if p := t.partitionOf(e); p != nil && e.Outcome == ledger.OutcomeConfirmed {
				p.committed = e.Offset
			}
		case ledger.EventReset:
			if p := t.partitionOf(e); p != nil && len(p.list) > 0 {
				if last := &p.list[len(p.list)-1]; last.by == 0 {
					last.told, last.by, last.resumed, last.latest = e.At, e.Owner, e.Offset, e.IsLatest()
				}
			}
		}
	}
}

// partitionOf is the partition of the source that an event of the run's group is about, nil for none.
func (t *trims) partitionOf(e *ledger.Event) *partitionTrims {
	if e.Topic != 0 || e.OwnGroup() || uint(e.Partition) >= uint(len(t.parts)) {
		return nil
	}
	return &t.parts[e.Partition]
}

// isTrimmed reports whether the record at a position has been deleted so far.
func (t *trims) isTrimmed(p ledger.Position) bool {
	return p.Topic == 0 && p.Offset < t.parts[p.Partition].start
}

// overtaking is the deletion that came before a commit past a position of the source, nil for none.
func (t *trims) overtaking(p ledger.Position) *trim {
	list := t.parts[p.Partition].list
	i := slices.IndexFunc(list, func(t trim) bool { return t.from <= p.Offset && p.Offset < t.to })
	if i < 0 || list[i].committed > p.Offset {
		return nil
	}
	return &list[i]
}

// describe says what happened to a record that the deletion overtook.
func (d *trim) describe(f *Facts) string {
	text := fmt.Sprintf("deleted at %s, before the group's commit was past it", formatTime(d.at))
	if d.by == 0 {
		return text + "; no member was seen to be told"
	}
	where := "the start"
	if d.latest {
		where = "the end"
	}
	return fmt.Sprintf("%s; %s was told at %s and went on at %s of the log, offset %d", text, f.podName(d.by), formatTime(d.told), where, d.resumed)
}
