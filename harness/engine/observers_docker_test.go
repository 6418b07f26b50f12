package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
)

// Clients of every kind act as consumers do on real Kafka.
func TestObserversSeeClientsOfRealKafka(t *testing.T) {
	lock.Machine(t)
	backend, err := harness.FindBackend("docker")
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.(harness.Preflighter).Preflight(t.Context()); err != nil {
		if os.Getenv("STAMPEDE_DOCKER") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := backend.(harness.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	cluster, err := backend.Start(t.Context(), harness.ClusterSpec{Session: 6 * time.Second, Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	for name, test := range map[string]func(*testing.T, *sight){
		"commits":      seesCommits,
		"static":       seesStaticMembers,
		"server":       seesServerMembers,
		"transactions": seesTransactions,
		"share":        seesShareGroup,
	} {
		t.Run(name, func(t *testing.T) { test(t, newSight(t, cluster, name)) })
	}
}

// Commits with metadata, by the owner and by another member, in the group of the run and
// in a second group on a side topic. One is refused.
func seesCommits(t *testing.T, s *sight) {
	s.watch(t, harness.Cooperative, false)
	source, retry := s.topics[0].Name, s.topics[1].Name
	one := s.member(t, "pod-1.1", source, source, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	own := s.member(t, "pod-2.1", source+"-own", retry, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	produce(t, one, source, 0, 1)
	produce(t, own, retry, 0)
	one.PollFetches(t.Context())
	own.PollFetches(t.Context())
	until(t, "the partitions are owned", func() bool { return slices.Equal(s.Owners(), []string{"pod-1", "pod-1"}) && s.owned.has(1, 0) })
	commit(t, one, source, 1, 1, "")
	commit(t, one, source, 0, 1, strings.Repeat("1-3;5;", 10))
	commit(t, own, retry, 0, 1, "again: 7")
	if err := kadm.NewClient(own).CommitAllOffsets(t.Context(), source, kadm.OffsetsFromRecords(kgo.Record{Topic: source, Partition: 1, Offset: 8})); !errors.Is(err, kerr.UnknownMemberID) {
		t.Errorf("a commit of a client that is no member: %v, want %v", err, kerr.UnknownMemberID)
	}
	time.Sleep(2 * 200 * time.Millisecond) // two looks at a group that is described
	lines := s.seen(t)
	contains(t, lines,
		"rewound 0/0 to -1 by 1", "rewound 0/1 to -1 by 1", "rewound 1/0 to -1 by 2",
		"owned 0/0 by 1 own false", "owned 0/1 by 1 own false", "owned 1/0 by 2 own true",
		"commit 0/1 1 by 1 own false transactional false generation true confirmed",
		"commit 0/1 9 by 2 own false transactional false generation false failed",
		fmt.Sprintf("commit 0/0 1 by 1 own false transactional false generation true confirmed %q %q", strings.Repeat("1-3;5;", 10)[:40], strings.Repeat("1-3;5;", 10)[40:]),
		`commit 1/0 1 by 2 own true transactional false generation true confirmed "again: 7"`)
	if got := s.Committed(); !slices.Equal(got, []int64{1, 1}) {
		t.Errorf("committed %v", got)
	}
}

// A static member ends and comes back under another client id within its session. It is
// another owner, and its partitions had no owner in between.
func seesStaticMembers(t *testing.T, s *sight) {
	s.watch(t, harness.Static, false)
	source := s.topics[0].Name
	static := func(id string) *kgo.Client {
		return s.member(t, id, source, source, kgo.InstanceID(id[:5]), kgo.Balancers(kgo.CooperativeStickyBalancer()))
	}
	one := static("pod-1.1")
	produce(t, one, source, 0, 1)
	one.PollFetches(t.Context())
	until(t, "the partitions are owned", func() bool { return slices.Equal(s.Owners(), []string{"pod-1", "pod-1"}) })
	one.Close()
	s.again.Store(true)
	static("pod-1.2").PollFetches(t.Context())
	until(t, "the next incarnation is seen", func() bool { return len(s.Expelled()) > 0 })
	lines := s.seen(t)
	contains(t, lines, "owned 0/0 by 1 own false", "released 0/0 by 1 own false", "owned 0/0 by 3 own false", "owned 0/1 by 3 own false")
	if x := s.Expelled(); x[0].Owner != 1 || x[0].Earliest > x[0].Seen {
		t.Errorf("expelled %+v, want the first incarnation", x)
	}
}

// A commit in a transaction counts only if the transaction commits.
func seesTransactions(t *testing.T, s *sight) {
	s.watch(t, harness.Cooperative, false)
	source := s.topics[0].Name
	session, err := kgo.NewGroupTransactSession(
		s.seeds(t, "pod-1.1"), kgo.ClientID("pod-1.1"), kgo.TransactionalID(source), kgo.ConsumerGroup(source), kgo.ConsumeTopics(source),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.MaxConcurrentFetches(1),
		kgo.AlwaysRetryEOF(),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	produce(t, s.member(t, "x", source+"-none", s.topics[1].Name), source, 0, 0, 0)
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		if err := session.Begin(); err != nil {
			t.Fatal(err)
		}
		if f := session.PollRecords(t.Context(), 1); f.NumRecords() != 1 {
			t.Fatalf("no record: %v", f.Err())
		}
		if committed, err := session.End(t.Context(), end); err != nil || committed != bool(end) {
			t.Fatalf("end: %v, %v", committed, err)
		}
	}
	until(t, "the commit", func() bool { return s.Committed()[0] == 1 })
	lines := s.seen(t)
	contains(t, lines, "transaction by 1 confirmed", "commit 0/0 1 by 1 own false transactional true generation true confirmed")
	commits := 0
	for _, l := range lines {
		if strings.HasPrefix(l, "commit") {
			commits++
		}
	}
	if commits != 1 {
		t.Errorf("%d commits seen, want the one that was committed:\n%s", commits, strings.Join(lines, "\n"))
	}
}

// The member of a KIP-848 group says by itself what it was assigned, and that it leaves.
func seesServerMembers(t *testing.T, s *sight) {
	s.watch(t, harness.Server, false)
	var mu sync.Mutex
	var last harness.MemberAssignment
	stop := s.cluster.(harness.WireObserver).ObserveWire(s.topics[0].Name, harness.GroupEvents{AssignMember: func(a harness.MemberAssignment) {
		mu.Lock()
		defer mu.Unlock()
		last = a
	}})
	defer stop()
	source := s.topics[0].Name
	one := s.member(t, "pod-1.1", source, source, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	produce(t, one, source, 0, 1)
	one.PollFetches(t.Context())
	until(t, "the partitions are owned", func() bool { return slices.Equal(s.Owners(), []string{"pod-1", "pod-1"}) })
	mu.Lock()
	if got := last.Member.Partitions[source]; len(got) != 2 || last.Member.ClientID != "pod-1.1" || last.At > last.Seen {
		t.Errorf("assigned on the wire: %+v", last)
	}
	mu.Unlock()
	one.Close()
	until(t, "the member has left", func() bool { return len(s.Expelled()) > 0 })
	mu.Lock()
	if !last.Left || s.Expelled()[0].Owner != 1 {
		t.Errorf("at the end %+v, expelled %+v", last, s.Expelled())
	}
	mu.Unlock()
	contains(t, s.seen(t), "owned 0/0 by 1 own false", "owned 0/1 by 1 own false", "released 0/0 by 1 own false")
}

// A share group has members and a start offset, and no owners. The wire shows what they
// acquire and acknowledge.
func seesShareGroup(t *testing.T, s *sight) {
	if err := s.client.ConfigureShareGroup(t.Context(), s.cluster, 6*time.Second, 3); err != nil {
		t.Fatal(err)
	}
	s.watch(t, harness.Cooperative, true)
	source := s.topics[0].Name
	producer := s.member(t, "x", source+"-none", s.topics[1].Name)
	produce(t, producer, source, 0, 0, 1)
	cl, err := kgo.NewClient(s.seeds(t, "pod-1.1"), kgo.ClientID("pod-1.1"), kgo.ShareGroup(source), kgo.ConsumeTopics(source), kgo.AlwaysRetryEOF())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 0; n < 3; {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d records: %v", n, f.Err())
		}
		f.EachRecord(func(r *kgo.Record) {
			r.Ack(kgo.AckAccept)
			n++
		})
	}
	if err := cl.FlushAcks(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, "the member is seen, and what it was given", func() bool { return len(s.Joined()) == 1 && s.FetchedPartitions() == s.topics[0].Partitions })
	var last []int64
	until(t, "the start offsets", func() bool {
		c, err := s.client.Committed(ctx, s.topics[0])
		if err == nil && !slices.Equal(c[0], last) {
			last = c[0]
		}
		return slices.Equal(last, []int64{2, 1})
	})
	lines := s.seen(t)
	contains(t, lines, "acknowledged 0/0@0 by 1 as 1 confirmed", "acknowledged 0/0@1 by 1 as 1 confirmed", "acknowledged 0/1@0 by 1 as 1 confirmed",
		"acquired 0/1 0-1 by 1 delivery 1")
}
