package observe

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

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
	w = &Watcher{
		cfg:   Config{Partitions: 2, Protocol: protocol, Journal: j, MaxGap: time.Second, OwnerOf: func(c string) ledger.Owner { return owners[c] }},
		owned: make([]holding, 2), committed: make([]int64, 2), members: map[string]string{},
	}
	return w, func() (lines []string) {
		r, err := ledger.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		kinds := map[ledger.Kind]string{ledger.KindOwned: "owned", ledger.KindReleased: "released", ledger.KindCommit: "commit"}
		if err := r.Each(func(s *ledger.Slot) {
			line := fmt.Sprintf("%s p%d by %d at %d..%d", kinds[s.Kind()], s.Partition, s.Owner(), s.End, s.Start)
			if s.Kind() == ledger.KindCommit {
				line = fmt.Sprintf("commit p%d %d by %d at %d %v", s.Partition, s.Offset, s.Owner(), s.Start, s.Outcome())
			}
			lines = append(lines, line)
		}); err != nil {
			t.Fatal(err)
		}
		return lines
	}
}

func group(generation int32, members ...harness.Member) harness.Group {
	return harness.Group{Generation: generation, State: "Stable", Members: members}
}

func member(id, client string, partitions ...int32) harness.Member {
	return harness.Member{ID: id, ClientID: client, Partitions: partitions}
}

func TestSnapshotsBecomeIntervals(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	w.snapshot(group(1, member("m1", "pod-1.1", 0, 1)), 10, 20)
	w.snapshot(group(1, member("m1", "pod-1.1", 0, 1)), 20, 30) // nothing new
	w.snapshot(group(2, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 30, 40)
	if got, want := w.Owners(), []string{"pod-1", "pod-2"}; !slices.Equal(got, want) {
		t.Errorf("owners %v, want %v", got, want)
	}
	w.snapshot(group(3, member("m2", "pod-2.1", 0, 1)), 40, 50)                                            // pod-1 is gone
	w.snapshot(group(4, member("m3", "pod-2.1", 1), member("m4", "pod-1.2", 0)), 50, 60)                   // pod-2 under another member id
	w.snapshot(group(4, member("m3", "pod-2.1", 1), member("m4", "pod-1.2", 0), member("x", "x")), 60, 70) // a stranger
	want := []string{
		"owned p0 by 1 at 10..20", "owned p1 by 1 at 10..20",
		"owned p0 by 1 at 30..40", "released p1 by 1 at 30..40", "owned p1 by 2 at 30..40",
		"released p0 by 1 at 40..50", "owned p0 by 2 at 40..50", "owned p1 by 2 at 40..50",
		"released p0 by 2 at 50..60", "owned p0 by 3 at 50..60", "released p1 by 2 at 50..60", "owned p1 by 2 at 50..60",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Expelled(), []Expulsion{{1, 40, 50}, {2, 50, 60}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
	if got := w.Changes(); got != 4 {
		t.Errorf("%d changes, want 4", got)
	}
}

// TestFreshPartitionsAreAnotherTenure has a member come back under its old
// member id without the partitions it had: it lost them unseen, and reads them
// from the commit.
func TestFreshPartitionsAreAnotherTenure(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	both := member("m1", "pod-1.1", 0, 1)
	both.Fresh = []int32{0, 1}
	w.snapshot(group(1, both), 10, 20)
	w.snapshot(group(1, both), 15, 25) // the same generation again
	w.snapshot(group(2, member("m1", "pod-1.1", 0, 1)), 30, 40)
	both.Fresh = []int32{1}
	w.snapshot(group(3, both), 50, 60)
	want := []string{
		"owned p0 by 1 at 10..20", "owned p1 by 1 at 10..20",
		"owned p0 by 1 at 30..40", "owned p1 by 1 at 30..40",
		"owned p0 by 1 at 50..60", "released p1 by 1 at 50..60", "owned p1 by 1 at 50..60",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
}

func TestCommits(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	w.snapshot(group(1, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 0, 1)
	w.commit(harness.Commit{At: 5, ClientID: "pod-1.1", Partition: 0, Offset: 7, Confirmed: true})
	w.commit(harness.Commit{At: 6, ClientID: "pod-1.1", Partition: 0, Offset: 9})
	w.commit(harness.Commit{At: 7, Partition: 1, Offset: 3, Confirmed: true}) // the broker does not say who
	w.commit(harness.Commit{At: 8, ClientID: "admin", Partition: 1, Offset: 4, Confirmed: true})
	w.commit(harness.Commit{At: 9, Partition: 2, Offset: 4, Confirmed: true}) // no such partition
	want := []string{
		"commit p0 7 by 1 at 5 confirmed", "commit p0 9 by 1 at 6 unknown",
		"commit p1 3 by 2 at 7 confirmed", "commit p1 4 by 0 at 8 confirmed",
	}
	if got := seen()[2:]; !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Committed(), []int64{7, 4}; !slices.Equal(got, want) {
		t.Errorf("committed %v, want %v: an unknown commit counts for nothing", got, want)
	}
}

func TestOnlySettledGroupsAreBelieved(t *testing.T) {
	for _, c := range []struct {
		protocol harness.Protocol
		state    string
		want     bool
	}{
		{harness.Cooperative, "Stable", true}, {harness.Eager, "PreparingRebalance", false},
		{harness.Cooperative, "CompletingRebalance", false}, {harness.Server, "Reconciling", true}, {harness.Cooperative, "Empty", true},
	} {
		w, _ := watcher(t, c.protocol)
		g := group(1, member("m1", "pod-1.1", 0))
		g.State = c.state
		if got := w.settled(g); got != c.want {
			t.Errorf("%s, %s: settled is %v", c.protocol, c.state, got)
		}
	}
}

func TestGenerationOfAMetadataRecord(t *testing.T) {
	a := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{
		{Topic: "other", Partitions: []int32{5}}, {Topic: "t", Partitions: []int32{1, 0}},
	}}
	owned := kmsg.ConsumerMemberMetadata{Version: 1, OwnedPartitions: []kmsg.ConsumerMemberMetadataOwnedPartition{
		{Topic: "other", Partitions: []int32{0}}, {Topic: "t", Partitions: []int32{1, 7}},
	}}
	v := kmsg.GroupMetadataValue{Generation: 4, Members: []kmsg.GroupMetadataValueMember{
		{MemberID: "m", ClientID: "pod-1.1", Assignment: a.AppendTo(nil), Subscription: owned.AppendTo(nil)}, {MemberID: "n", ClientID: "pod-2.1"},
	}}
	g := generation(&v, "t")
	if g.Generation != 4 || len(g.Members) != 2 || !slices.Equal(g.Members[0].Partitions, []int32{1, 0}) || !slices.Equal(g.Members[0].Fresh, []int32{0}) || len(g.Members[1].Partitions) != 0 {
		t.Errorf("got %+v", g)
	}
}

func TestPodOfAClientID(t *testing.T) {
	for id, want := range map[string]string{harness.ClientID("pod-1", 12): "pod-1", "x.y.3": "x.y", "x": "x"} {
		if got := podOf(id); got != want {
			t.Errorf("%q is of pod %q, want %q", id, got, want)
		}
	}
}
