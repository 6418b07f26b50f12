package observe

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

func TestSnapshotsBecomeIntervals(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0, 1)), 10, 20)
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0, 1)), 20, 30) // nothing new
	pollSettled(w, snapshotOf(2, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 30, 40)
	if got, want := w.Owners(), []string{"pod-1", "pod-2"}; !slices.Equal(got, want) {
		t.Errorf("owners %v, want %v", got, want)
	}
	pollSettled(w, snapshotOf(3, member("m2", "pod-2.1", 0, 1)), 40, 50)                                            // pod-1 is gone
	pollSettled(w, snapshotOf(4, member("m3", "pod-2.1", 1), member("m4", "pod-1.2", 0)), 50, 60)                   // pod-2 under another member id
	pollSettled(w, snapshotOf(4, member("m3", "pod-2.1", 1), member("m4", "pod-1.2", 0), member("x", "x")), 60, 70) // a stranger
	want := []string{
		"owned p0 by 1 at 10..20", "owned p1 by 1 at 10..20",
		"owned p0 by 1 at 30..40", "released p1 by 1 at 30..40", "owned p1 by 2 at 30..40",
		"released p0 by 1 at 40..50", "owned p0 by 2 at 40..50", "owned p1 by 2 at 40..50",
		"released p0 by 2 at 50..60", "owned p0 by 3 at 50..60", "released p1 by 2 at 50..60", "owned p1 by 2 at 50..60",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Expelled(), []Expulsion{{1, 40, 50, 40, 0, "m1"}, {2, 50, 60, 50, 0, "m2"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
	if got := w.Changes(); got != 4 {
		t.Errorf("%d changes, want 4", got)
	}
}

// TestMemberMissingFromAGenerationLeftAfterTheLastOne: Kafka writes a group down as a
// generation begins, and not when it drops a member.
func TestMemberMissingFromAGenerationLeftAfterTheLastOne(t *testing.T) {
	w, _ := watcher(t, harness.Cooperative)
	w.acceptWritten(snapshotOf(1, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 10, 11)
	w.acceptWritten(snapshotOf(2, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 20, 21)
	w.acceptWritten(snapshotOf(4, member("m2", "pod-2.1", 0, 1)), 60, 61)
	if got, want := w.Expelled(), []Expulsion{{1, 60, 61, 21, 0, "m1"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
}

// TestAssignmentsShowMoreThanPolls has a group rebalance twice between two polls, and
// expel a member while polls find it in a rebalance.
func TestAssignmentsShowMoreThanPolls(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	given := func(at int64, g harness.Group) {
		w.acceptAssignment(harness.GroupAssignment{At: at, Seen: at + 1, Group: g})
	}
	given(10, snapshotOf(1, member("m1", "pod-1.1", 0, 1)))
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0, 1)), 5, 20)
	w.lastRequested = 18
	given(30, snapshotOf(2, member("m1", "pod-1.1", 0), member("m2", "pod-2.1")))
	given(40, snapshotOf(3, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)))
	pollSettled(w, snapshotOf(2, member("m1", "pod-1.1", 0), member("m2", "pod-2.1")), 18, 45) // it took its time
	w.lastRequested = 35
	pollRebalancing(w, snapshotOf(3, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 60) // a rebalance, and no member is gone
	w.lastRequested = 50
	pollRebalancing(w, snapshotOf(3, member("m2", "pod-2.1")), 70)
	w.lastRequested = 65
	given(80, snapshotOf(4, member("m2", "pod-2.1", 0, 1)))
	pollSettled(w, snapshotOf(5), 65, 90)
	want := []string{
		"owned p0 by 1 at 10..11", "owned p1 by 1 at 10..11",
		"owned p0 by 1 at 30..31", "released p1 by 1 at 30..31",
		"owned p0 by 1 at 40..41", "owned p1 by 2 at 40..41",
		"released p0 by 1 at 50..70",
		"owned p0 by 2 at 80..81", "owned p1 by 2 at 80..81",
		"released p0 by 2 at 82..90", "released p1 by 2 at 82..90",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Expelled(), []Expulsion{{1, 50, 70, 50, 0, "m1"}, {2, 82, 90, 82, 0, "m2"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
}

// TestUnknownMemberGetsItsPartitionWithTheNextPoll has a group assign a partition to a
// member that was not seen yet. The partition has left its owner.
func TestUnknownMemberGetsItsPartitionWithTheNextPoll(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0, 1)), 10, 20)
	w.lastRequested = 15
	w.acceptAssignment(harness.GroupAssignment{At: 30, Seen: 31, Group: snapshotOf(2, member("m1", "", 0), member("m2", "", 1))})
	pollSettled(w, snapshotOf(2, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 15, 40)
	want := []string{
		"owned p0 by 1 at 10..20", "owned p1 by 1 at 10..20",
		"owned p0 by 1 at 30..31", "released p1 by 1 at 30..31", "owned p1 by 2 at 32..40",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got := w.Expelled(); len(got) > 0 {
		t.Errorf("expelled %v", got)
	}
}

// TestFreshPartitionsAreANewAssignment has a member come back under its old
// member id without the partitions it had: it lost them unseen, and reads them
// from the commit.
func TestFreshPartitionsAreANewAssignment(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	both := member("m1", "pod-1.1", 0, 1)
	both.Fresh = map[string][]int32{"t": {0, 1}}
	pollSettled(w, snapshotOf(1, both), 10, 20)
	pollSettled(w, snapshotOf(1, both), 15, 25) // the same generation again
	pollSettled(w, snapshotOf(2, member("m1", "pod-1.1", 0, 1)), 30, 40)
	both.Fresh = map[string][]int32{"t": {1}}
	pollSettled(w, snapshotOf(3, both), 50, 60)
	want := []string{
		"owned p0 by 1 at 10..20", "owned p1 by 1 at 10..20",
		"owned p0 by 1 at 30..40", "owned p1 by 1 at 30..40",
		"owned p0 by 1 at 50..60", "released p1 by 1 at 50..60", "owned p1 by 1 at 50..60",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
}

func TestCommitsAreWrittenWithTheirMember(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)), 0, 1)
	commit := func(at int64, client string, partition int32, offset int64, more ...func(*harness.Commit)) {
		c := harness.Commit{At: at, ClientID: client, Group: "g", Topic: "t", Partition: partition, Offset: offset, Confirmed: true}
		for _, m := range more {
			m(&c)
		}
		w.recordCommit(c)
	}
	commit(5, "pod-1.1", 0, 7)
	commit(6, "pod-1.1", 0, 9, func(c *harness.Commit) { c.Confirmed = false })
	commit(7, "", 1, 3)                                                   // the broker does not say who
	commit(8, "", 1, 4, func(c *harness.Commit) { c.Metadata = "m1" })    // but this metadata does
	commit(9, "", 1, 5, func(c *harness.Commit) { c.Metadata = "1,2;9" }) // and this says something else
	commit(9, "", 1, 5, func(c *harness.Commit) { c.Metadata = "m1 1,2;9" })
	commit(10, "admin", 1, 4)
	commit(11, "", 2, 4)                                                // no such partition
	commit(12, "", 1, 4, func(c *harness.Commit) { c.Topic = "other" }) // no topic of ours
	commit(13, "pod-1.1", 0, 8, func(c *harness.Commit) {
		c.MemberID, c.Metadata, c.Generation, c.Transactional = "m1", "m1", 4, true
	})
	commit(14, "pod-1.1", 0, 3, func(c *harness.Commit) { c.Topic = "t-retry" })
	commit(15, "pod-2.1", 0, 2, func(c *harness.Commit) { c.Group = "g-own" })
	want := []string{
		"commit p0 7 by 1 at 5 confirmed", "commit p0 9 by 1 at 6 unknown",
		"commit p1 3 by 2 at 7 confirmed", "commit p1 4 by 1 at 8 confirmed", `commit p1 5 by 2 at 9 confirmed "1,2;9"`, `commit p1 5 by 1 at 9 confirmed "m1 1,2;9"`,
		"commit p1 4 by 0 at 10 confirmed", "commit p0 8 by 1 at 13 confirmed generation 4 transactional",
		"commit p0 3 by 1 at 14 confirmed of topic 1", "commit p0 2 by 2 at 15 confirmed in a group of its own",
	}
	if got := seen()[2:]; !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Committed(), []int64{8, 4}; !slices.Equal(got, want) {
		t.Errorf("committed %v, want %v: of the run's group on the source, and an unknown commit counts for nothing", got, want)
	}
}

// TestGroupsOfTheConsumersOwn are written under a key, with what they own of every
// topic and with members that are gone: such a group may expel a paused pod first.
func TestGroupsOfTheConsumersOwn(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0, 1)), 10, 20)
	own := snapshotOf(7, harness.Member{ID: "n1", ClientID: "pod-2.1", Partitions: map[string][]int32{"t-retry": {0}, "t": {0}, "x": {0}}})
	own.Name = "g-retry"
	pollSettled(w, own, 30, 40)
	own.Members, own.Generation = nil, 8
	pollSettled(w, own, 40, 50)
	want := []string{
		"owned p0 by 1 at 10..20", "owned p1 by 1 at 10..20",
		"owned p0 by 2 at 30..40 in a group of its own", "owned p0 by 2 at 30..40 of topic 1 in a group of its own",
		"released p0 by 2 at 40..50 in a group of its own", "released p0 by 2 at 40..50 of topic 1 in a group of its own",
	}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Owners(), []string{"pod-1", "pod-1"}; !slices.Equal(got, want) || w.Changes() != 1 {
		t.Errorf("owners %v, want %v; %d changes", got, want, w.Changes())
	}
	if got, want := w.Expelled(), []Expulsion{{2, 40, 50, 40, uint32(hash("g-retry")) | 1, "n1"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
}

// TestShareGroupHasMembersButNoOwners: members share the partitions.
func TestShareGroupHasMembersButNoOwners(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	w.cfg.Share = true
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0, 1), member("m2", "pod-2.1", 0, 1), member("x", "x", 0)), 10, 20)
	if got := len(w.Joined()); got != 2 {
		t.Errorf("%d members, want 2", got)
	}
	if got := w.FetchedPartitions(); got != 2 {
		t.Errorf("%d partitions to fetch from, want 2", got)
	}
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1", 0, 1)), 20, 30)
	w.recordAcquisition(harness.Acquisition{At: 31, ClientID: "pod-1.1", Group: "g", Topic: "t", Partition: 1, From: 4, To: 7, Deliveries: 300})
	w.recordAcknowledgement(harness.Acknowledgement{At: 32, ClientID: "pod-1.1", Group: "g", Topic: "t", Partition: 1, Offset: 5, Ack: ledger.AckReject, Outcome: ledger.OutcomeFailed})
	want := []string{"acquired p1@4..7 by 1 at 31, delivery 255", "acknowledged p1@5 by 1 at 32, 3 failed"}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Expelled(), []Expulsion{{2, 20, 30, 20, 0, "m2"}, {0, 20, 30, 20, 0, "x"}}; len(got) != 2 || !slices.Contains(got, want[0]) || w.Changes() != 2 {
		t.Errorf("expelled %v, want %v; %d changes, want 2", got, want, w.Changes())
	}
}

// TestPodIsExpelledWithItsLastShareMember: a pod may have several members in a share
// group.
func TestPodIsExpelledWithItsLastShareMember(t *testing.T) {
	w, _ := watcher(t, harness.Cooperative)
	w.cfg.Share = true
	pollSettled(w, snapshotOf(1, member("m1", "pod-1.1"), member("m2", "pod-2.1"), member("m3", "pod-1.1")), 10, 20)
	pollSettled(w, snapshotOf(2, member("m3", "pod-1.1"), member("m4", "pod-1.1"), member("m1", "pod-1.1"), member("m2", "pod-2.1")), 20, 30)
	pollSettled(w, snapshotOf(3, member("m1", "pod-1.1"), member("m2", "pod-2.1")), 30, 40)
	w.lastRequested = 45
	pollRebalancing(w, snapshotOf(3, member("m5", "pod-1.1"), member("m2", "pod-2.1")), 50)
	if got := w.Expelled(); len(got) > 0 || len(w.Joined()) != 2 || w.Changes() != 3 {
		t.Errorf("expelled %v; %d members, want 2; %d changes, want 3", got, len(w.Joined()), w.Changes())
	}
	pollSettled(w, snapshotOf(4, member("m2", "pod-2.1")), 50, 60)
	if got, want := w.Expelled(), []Expulsion{{1, 50, 60, 50, 0, "m1"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
}

func TestRewindsAndTransactionsOfTheRunAreWritten(t *testing.T) {
	w, seen := watcher(t, harness.Server)
	for _, client := range []string{"pod-1.1", "stampede-observer"} {
		w.recordRewind(harness.Rewind{At: 5, ClientID: client, Group: "g", Topic: "t", Partition: 1})
		w.recordTransaction(harness.Transaction{At: 6, ClientID: client, ID: "x", Outcome: ledger.OutcomeCancelled})
	}
	w.recordRewind(harness.Rewind{At: 7, ClientID: "pod-1.1", Group: "g", Topic: "t", Partition: 2})
	want := []string{"rewound p1 to -1 by 1 at 5", "transaction by 1 at 6 cancelled"}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
}

func TestOwnersAreReadFromSettledGroupsOnly(t *testing.T) {
	for _, c := range []struct {
		protocol harness.Protocol
		state    string
		want     bool
	}{
		{harness.Cooperative, "Stable", true}, {harness.Eager, "PreparingRebalance", false},
		{harness.Cooperative, "CompletingRebalance", false}, {harness.Server, "Reconciling", true}, {harness.Cooperative, "Empty", true},
	} {
		w, _ := watcher(t, c.protocol)
		g := snapshotOf(1, member("m1", "pod-1.1", 0))
		g.State = c.state
		if got := w.isSettled(g); got != c.want {
			t.Errorf("%s, %s: settled is %v", c.protocol, c.state, got)
		}
	}
}

func TestMetadataRecordBecomesAGroup(t *testing.T) {
	a := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{
		{Topic: "other", Partitions: []int32{5}}, {Topic: "t", Partitions: []int32{1, 0}},
	}}
	owned := kmsg.ConsumerMemberMetadata{Version: 1, OwnedPartitions: []kmsg.ConsumerMemberMetadataOwnedPartition{
		{Topic: "other", Partitions: []int32{0}}, {Topic: "t", Partitions: []int32{1, 7}},
	}}
	v := kmsg.GroupMetadataValue{Generation: 4, Members: []kmsg.GroupMetadataValueMember{
		{MemberID: "m", ClientID: "pod-1.1", Assignment: a.AppendTo(nil), Subscription: owned.AppendTo(nil)}, {MemberID: "n", ClientID: "pod-2.1"},
	}}
	g := groupOf("g", &v)
	if g.Name != "g" || g.Generation != 4 || len(g.Members) != 2 || len(g.Members[1].Partitions) != 0 ||
		!slices.Equal(g.Members[0].Partitions["t"], []int32{1, 0}) || !slices.Equal(g.Members[0].Fresh["t"], []int32{0}) || !slices.Equal(g.Members[0].Fresh["other"], []int32{5}) {
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

// A pod whose client gives up and makes another one joins under its instance id. Its member id changes, and the group
// has expelled no member. A static member that a generation lacks was expelled.
func TestStaticMemberThatReplacesItselfIsNotExpelled(t *testing.T) {
	w, _ := watcher(t, harness.Static)
	other := member("m1", "pod-1.1", 1)
	pollSettled(w, snapshotOf(1, other, member("m2", "pod-2.1", 0)), 10, 20)
	pollRebalancing(w, snapshotOf(1, other, member("m3", "pod-2.1")), 30)
	pollSettled(w, snapshotOf(2, other, member("m3", "pod-2.1", 0)), 30, 40)
	if got := w.Expelled(); len(got) > 0 {
		t.Errorf("expelled %v, want none", got)
	}
	pollSettled(w, snapshotOf(3, member("m1", "pod-1.1", 0, 1)), 40, 50)
	if got, want := w.Expelled(), []Expulsion{{2, 40, 50, 40, 0, "m3"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
}

// TestStaticMemberComesBackAsTheNextIncarnation: real Kafka shows it under a new member id and the
// client id of the incarnation before.
func TestStaticMemberComesBackAsTheNextIncarnation(t *testing.T) {
	w, seen := watcher(t, harness.Static)
	owners := map[string]ledger.Owner{"pod-1.1": 1}
	w.cfg.OwnerOf = func(client string) ledger.Owner { return owners[client] }
	pollSettled(w, snapshotOf(1, member("pod-1-x", "pod-1.1", 0)), 10, 20)
	owners["pod-1.2"] = 3
	pollSettled(w, snapshotOf(1, member("pod-1-x", "pod-1.1", 0)), 20, 30)
	pollSettled(w, snapshotOf(1, member("pod-1-y", "pod-1.1", 0)), 30, 40)
	pollSettled(w, snapshotOf(1, member("pod-1-y", "pod-1.1", 0)), 40, 50)
	want := []string{"owned p0 by 1 at 10..20", "released p0 by 1 at 30..40", "owned p0 by 3 at 30..40"}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
	if got, want := w.Expelled(), []Expulsion{{1, 30, 40, 30, 0, "pod-1-x"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
}
