package observe

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// onWire is a watcher of a cluster that shows the wire. Both sources are fed by hand.
func onWire(t *testing.T, protocol harness.Protocol) (w *Watcher, see harness.GroupEvents, seen func() []string) {
	t.Helper()
	w, seen = watcher(t, protocol)
	w.watchWire(wireFunc(func(given harness.GroupEvents) { see = given }))()
	return w, see, seen
}

type wireFunc func(harness.GroupEvents)

func (f wireFunc) ObserveWire(_ string, see harness.GroupEvents) (stop func()) {
	f(see)
	return func() {}
}

func wantWritten(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("written\n got  %q\n want %q", got, want)
	}
}

// asks is a request of a commit of p0.
func asks(id uint64, at int64, client, member string, offset int64) harness.CommitRequest {
	return harness.CommitRequest{ID: id, Commit: harness.Commit{
		At: at, ClientID: client, MemberID: member, Generation: 4, Group: "g", Topic: "t", Offset: offset,
	}}
}

// inTopic is a commit of p0 as the topic has it, written before at.
func inTopic(at, offset int64) harness.Commit {
	return harness.Commit{At: at, Group: "g", Topic: "t", Offset: offset, Confirmed: true}
}

// TestEachCommitIsWrittenOnce: the wire says who asked for a commit, and the topic that it holds. A
// commit without an answer is settled by the topic too.
func TestEachCommitIsWrittenOnce(t *testing.T) {
	const ms = 1_000_000
	w, see, seen := onWire(t, harness.Cooperative)
	answered := func(r harness.CommitRequest, at int64, refusal int16) harness.CommitRequest {
		r.Ended, r.AnsweredAt, r.Code, r.Refused, r.Confirmed = true, at, refusal, refusal != 0, at > 0 && refusal == 0
		return r
	}
	first, refused, lost, never := asks(1, 1*ms, "pod-1.1", "m1", 7), asks(2, 3*ms, "pod-2.1", "m2", 7), asks(3, 5*ms, "pod-1.1", "m1", 9), asks(4, 8*ms, "pod-2.1", "m2", 12)
	see.CommitRequest(first)
	see.CommitRequest(answered(first, 2*ms, 0))
	see.CommitRequest(refused)
	see.CommitRequest(answered(refused, 3*ms+1, 22))
	see.CommitRequest(lost)
	see.CommitRequest(answered(lost, 0, 0))
	w.recordCommit(w.attribute(inTopic(2*ms+5, 7))) // the topic may be read later
	w.recordCommit(w.attribute(inTopic(6*ms, 9)))
	see.CommitRequest(never)
	see.CommitRequest(answered(never, 0, 0))
	w.recordCommit(w.attribute(inTopic(9*ms, 3))) // of a client that is not behind a front
	early := asks(5, 10*ms, "pod-2.1", "m2", 14)
	see.CommitRequest(early)
	w.recordCommit(w.attribute(inTopic(10*ms-5, 14))) // the topic is faster than the answer
	see.CommitRequest(answered(early, 11*ms, 0))
	wantWritten(t, seen(),
		"commit p0 7 by 2 at 3000000 failed generation 4",
		"commit p0 7 by 1 at 2000000 confirmed generation 4",
		"commit p0 9 by 1 at 6000000 confirmed generation 4",
		"commit p0 3 by 0 at 9000000 confirmed",
		"commit p0 14 by 2 at 10000000 confirmed generation 4",
	)
	if got := w.Committed()[0]; got != 14 {
		t.Errorf("committed %d, want 14", got)
	}
}

// A transaction may outlive the topic whose offsets it commits. Kafka applies them by the topic's name, so the new topic
// has the commit. What the consumer asked for concerns the old log.
func TestCommitOfATransactionIsOfTheLogInWhichItWasAskedFor(t *testing.T) {
	w, seen := watcher(t, harness.Cooperative)
	w.cfg.Topics[0].Later, w.cfg.Topics[0].Partitions = 2, 4
	w.committed = make([]int64, 4)
	key := kmsg.NewControlRecordKey()
	key.Type = kmsg.ControlRecordKeyTypeCommit
	reader := &offsetsReader{w: w, staged: map[openTransaction][]harness.Commit{}}
	ends := func(asked, at, offset int64) {
		reader.staged[openTransaction{3, 9}] = []harness.Commit{{At: asked, Group: "g", Topic: "t", Offset: offset, Transactional: true, Confirmed: true}}
		reader.endTransaction(&kgo.Record{Partition: 3, ProducerID: 9, Key: key.AppendTo(nil)}, at)
	}
	w.recreated = []int64{50}
	ends(40, 60, 102)
	ends(70, 80, 3)
	var commits []string
	for _, line := range seen() {
		if strings.HasPrefix(line, "commit") {
			commits = append(commits, line)
		}
	}
	wantWritten(t, commits, "commit p0 102 by 0 at 60 confirmed transactional", "commit p2 3 by 0 at 80 confirmed transactional")
}

// TestSlowCommitsAreNoted: the wire shows how long the broker took. A request without a response says
// nothing about the broker, and other requests may wait long.
func TestSlowCommitsAreNoted(t *testing.T) {
	const s = int64(SlowAnswer)
	w, see, _ := onWire(t, harness.Cooperative)
	commit, join := int16(kmsg.OffsetCommit), int16(kmsg.JoinGroup)
	for _, x := range []harness.Exchange{
		{APIKey: commit, ExchangeTimes: ledger.ExchangeTimes{Got: 1, Answered: s}},
		{APIKey: commit, ExchangeTimes: ledger.ExchangeTimes{Got: 2 * s, Answered: 3 * s}},
		{APIKey: commit, ExchangeTimes: ledger.ExchangeTimes{Got: 4 * s}},
		{APIKey: join, ExchangeTimes: ledger.ExchangeTimes{Got: 5 * s, Answered: 9 * s}},
	} {
		x.ClientID = "pod-1.1"
		see.Exchange(x)
	}
	if got, want := w.SlowCommits(), []SlowCommit{{2 * s, 3 * s}}; !slices.Equal(got, want) {
		t.Errorf("slow commits %v, want %v", got, want)
	}
}

// TestEqualCommitsAreToldApartByTime: two pods commit the same offset, and the first of them gets no
// answer.
func TestEqualCommitsAreToldApartByTime(t *testing.T) {
	const ms = 1_000_000
	w, see, seen := onWire(t, harness.Cooperative)
	one, two := asks(1, 10*ms, "pod-1.1", "m1", 7), asks(2, 90*ms, "pod-2.1", "m2", 7)
	see.CommitRequest(one)
	one.Ended, one.AnsweredAt = true, 20*ms // with a code that says nothing
	see.CommitRequest(one)
	see.CommitRequest(two)
	w.recordCommit(w.attribute(inTopic(95*ms, 7)))
	w.recordCommit(w.attribute(inTopic(15*ms, 7)))
	w.recordCommit(w.attribute(inTopic(15*ms, 7))) // of no request
	wantWritten(t, seen(),
		"commit p0 7 by 2 at 95000000 confirmed generation 4", "commit p0 7 by 1 at 15000000 confirmed generation 4", "commit p0 7 by 0 at 15000000 confirmed")
}

// A broker that stands still may take a commit after the next one, on a connection that the client has closed.
func TestCommitThatItsClientGaveUpIsLate(t *testing.T) {
	const ms = 1_000_000
	w, see, _ := onWire(t, harness.Cooperative)
	ended := func(r harness.CommitRequest) harness.CommitRequest {
		r.Ended = true
		return r
	}
	given, next, open := asks(1, 1*ms, "pod-1.1", "m1", 7), asks(2, 5*ms, "pod-1.1", "m1", 9), asks(3, 6*ms, "pod-1.1", "m1", 4)
	for _, r := range []harness.CommitRequest{given, ended(given), next, open} {
		see.CommitRequest(r)
	}
	for i, tt := range []struct {
		offset int64
		late   bool
	}{{9, false}, {7, true}, {4, false}} { // the last was asked for last: the client went back
		if c := w.attribute(inTopic(int64(20+i)*ms, tt.offset)); c.Late != tt.late {
			t.Errorf("the commit %d is late: %v, want %v", tt.offset, c.Late, tt.late)
		}
	}
}

// TestMarkersSettleTheEndsOfTransactions: each end is written once, by the client's request if there was
// one. A marker says how a transaction ended whose request got no answer.
func TestMarkersSettleTheEndsOfTransactions(t *testing.T) {
	w, see, seen := onWire(t, harness.Cooperative)
	end := func(at int64, o ledger.Outcome) harness.Transaction {
		return harness.Transaction{At: at, ClientID: "pod-1.1", ID: "x", ProducerID: 9, Outcome: o}
	}
	see.Transaction(end(20, ledger.OutcomeConfirmed))
	w.acceptMarker(end(25, ledger.OutcomeConfirmed), 10)
	see.Transaction(end(40, ledger.OutcomeUnknown))
	w.acceptMarker(end(45, ledger.OutcomeCancelled), 30)
	w.acceptMarker(end(65, ledger.OutcomeCancelled), 50) // the coordinator ended it
	w.acceptMarker(end(85, ledger.OutcomeConfirmed), 70) // the marker was read before the answer
	see.Transaction(end(80, ledger.OutcomeConfirmed))
	see.Transaction(end(90, ledger.OutcomeUnknown)) // nothing tells
	w.writeOpenEnds()
	wantWritten(t, seen(), "transaction by 1 at 20 confirmed", "transaction by 1 at 40 cancelled", "transaction by 1 at 65 cancelled",
		"transaction by 1 at 85 confirmed", "transaction by 1 at 90 unknown")
}

// TestHeartbeatsDateOwnership: the answer to a heartbeat of KIP-848 says when a partition came and went. A poll
// whose request was before that says nothing, and a later poll adds only what heartbeats did not show.
func TestHeartbeatsDateOwnership(t *testing.T) {
	w, see, seen := onWire(t, harness.Server)
	assign := func(at int64, id, client string, partitions ...int32) {
		see.AssignMember(harness.MemberAssignment{At: at, Seen: at + 1, Group: "g", Member: member(id, client, partitions...)})
	}
	poll := func(requested int64, g harness.Group) { w.acceptPoll([]harness.Group{g}, requested, requested+5) }
	assign(100, "m1", "pod-1.1", 0, 1)
	poll(98, snapshotOf(1)) // asked before the assignment
	poll(200, snapshotOf(1, member("m1", "pod-1.1", 0, 1)))
	assign(250, "m1", "pod-1.1", 0)
	assign(260, "m2", "pod-2.1", 1)
	poll(300, snapshotOf(2, member("m1", "pod-1.1", 0), member("m2", "pod-2.1", 1)))
	see.AssignMember(harness.MemberAssignment{At: 350, Seen: 352, Group: "g", Member: member("m1", "pod-1.1"), Left: true})
	poll(400, snapshotOf(3, member("m2", "pod-2.1", 0, 1))) // its heartbeat was not seen
	assign(450, "m3", "pod-2.1", 1)
	wantWritten(t, seen(),
		"owned p0 by 1 at 100..101", "owned p1 by 1 at 100..101",
		"released p1 by 1 at 250..251", "owned p1 by 2 at 260..261",
		"released p0 by 1 at 350..352",
		"owned p0 by 2 at 353..405",
		"released p0 by 2 at 450..451", "released p1 by 2 at 450..451", "owned p1 by 2 at 450..451")
	if got, want := w.Expelled(), []Expulsion{{1, 350, 352, 350, 0, "m1"}, {2, 450, 451, 450, 0, "m2"}}; !slices.Equal(got, want) {
		t.Errorf("expelled %v, want %v", got, want)
	}
}

// TestMembersAreKnownByTheirNetwork: the members of a program that gives its clients no id belong to the pods
// whose network they use.
func TestMembersAreKnownByTheirNetwork(t *testing.T) {
	w, see, seen := onWire(t, harness.Cooperative)
	see.Join(harness.GroupJoin{Group: "g", MemberID: "kafka-1", ClientID: "pod-1.1"})
	see.Join(harness.GroupJoin{Group: "g", MemberID: "kafka-2", ClientID: "pod-2.1"})
	w.acceptWritten(snapshotOf(1, member("kafka-1", "kafka", 0), member("kafka-2", "kafka", 1)), 10, 11)
	wantWritten(t, seen(), "owned p0 by 1 at 10..11", "owned p1 by 2 at 10..11")
}
