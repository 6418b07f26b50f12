package observe

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// watcher is one that is fed by hand; seen returns what it wrote, a line a slot.
func watcher(t *testing.T, protocol harness.Protocol) (w *Watcher, seen func() []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "observed.journal")
	j, err := ledger.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	owners := map[string]ledger.Owner{"pod-1.1": 1, "pod-2.1": 2, "pod-1.2": 3}
	w = newWatcher(Config{
		Client: &Client{Topic: "t", Group: "g"}, Topics: []Topic{{Name: "t", Partitions: 2}, {Name: "t-retry", Role: harness.RoleRetry, Partitions: 1}},
		Protocol: protocol, Journal: j, MaxGap: time.Second, OwnerOf: func(c string) ledger.Owner { return owners[c] },
	})
	return w, func() (lines []string) {
		r, err := ledger.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Each(func(s *ledger.Slot) {
			line := line(s)
			if s.Kind() == ledger.KindText {
				lines[len(lines)-1] += fmt.Sprintf(" %q", s.AppendText(nil))
				return
			}
			if s.Topic != 0 {
				line += fmt.Sprintf(" of topic %d", s.Topic)
			}
			if s.Membership().Group != 0 {
				line += " in a group of its own"
			}
			lines = append(lines, line)
		}); err != nil {
			t.Fatal(err)
		}
		return lines
	}
}

func line(s *ledger.Slot) string {
	switch s.Kind() {
	case ledger.KindOwned:
		return fmt.Sprintf("owned p%d by %d at %d..%d", s.Partition, s.Owner(), s.Earliest(), s.Seen())
	case ledger.KindReleased:
		return fmt.Sprintf("released p%d by %d at %d..%d", s.Partition, s.Owner(), s.Earliest(), s.Seen())
	case ledger.KindCommit:
		text := fmt.Sprintf("commit p%d %d by %d at %d %v", s.Partition, s.Offset(), s.Owner(), s.At(), s.Outcome())
		if generation := s.Membership().Generation; generation != 0 {
			text += fmt.Sprintf(" generation %d", generation)
		}
		if s.Flags&ledger.FlagTransactional != 0 {
			text += " transactional"
		}
		return text
	case ledger.KindRewound:
		return fmt.Sprintf("rewound p%d to %d by %d at %d", s.Partition, s.Offset(), s.Owner(), s.At())
	case ledger.KindFetched:
		return fmt.Sprintf("fetched p%d@%d by %d at %d", s.Partition, s.Offset(), s.Owner(), s.At())
	case ledger.KindAcquired:
		return fmt.Sprintf("acquired p%d@%d..%d by %d at %d, delivery %d", s.Partition, s.Offset(), s.To(), s.Owner(), s.At(), s.Deliveries())
	case ledger.KindAcknowledged:
		return fmt.Sprintf("acknowledged p%d@%d by %d at %d, %d %v", s.Partition, s.Offset(), s.Owner(), s.At(), s.Ack(), s.Outcome())
	case ledger.KindTransaction:
		return fmt.Sprintf("transaction by %d at %d %v", s.Owner(), s.At(), s.Outcome())
	}
	return fmt.Sprintf("kind %d", s.Kind())
}

func snapshotOf(generation int32, members ...harness.Member) harness.Group {
	return harness.Group{Name: "g", Generation: generation, State: "Stable", Members: members}
}

func member(id, client string, partitions ...int32) harness.Member {
	return harness.Member{ID: id, ClientID: client, Partitions: map[string][]int32{"t": partitions}}
}

// pollSettled polls a settled group, whose last poll was requested at requested.
func pollSettled(w *Watcher, g harness.Group, requested, seen int64) {
	w.groupNamed(g.Name).settledRequested = requested
	w.lastRequested = max(w.lastRequested, requested)
	w.acceptSettled(g, w.groupNamed(g.Name), seen)
}

// pollRebalancing polls a group in a rebalance.
func pollRebalancing(w *Watcher, g harness.Group, seen int64) {
	w.acceptDepartures(g, w.groupNamed(g.Name), seen)
}
