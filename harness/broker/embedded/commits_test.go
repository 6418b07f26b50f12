package embedded_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// commits collects commits, made or observed.
type commits struct {
	mu  sync.Mutex
	all []harness.Commit
}

func (c *commits) add(commit harness.Commit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, commit)
}

func (c *commits) list() []harness.Commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// of are the commits of a partition without their times, and what all have in common.
func (c *commits) of(partition int32) []harness.Commit {
	return c.by(func(commit harness.Commit) bool { return commit.Partition == partition })
}

func (c *commits) by(which func(harness.Commit) bool) (of []harness.Commit) {
	for _, commit := range c.list() {
		if which(commit) {
			commit.At, commit.Asked, commit.Group, commit.Topic, commit.MemberID, commit.Generation, commit.Metadata = 0, 0, "", "", "", 0, ""
			of = append(of, commit)
		}
	}
	return of
}

// observe collects the group's commits until the test ends or stop is called.
func observe(t *testing.T, c *embedded.Cluster) (seen *commits, stop func()) {
	t.Helper()
	seen = &commits{}
	stop, err := c.ObserveGroups(group, harness.GroupEvents{Commit: seen.add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return seen, stop
}

// TestObserverSeesEveryCommit has two members commit every record by itself, a node die
// in between, and compares what was observed with what was acknowledged.
func TestObserverSeesEveryCommit(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol.name, func(t *testing.T) {
			const partitions = 4
			c := start(t, partitions)
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			from := ledger.NewClock().Now()
			seen, stop := observe(t, c)
			var made commits
			var members sync.WaitGroup
			ids := []string{harness.ClientID("pod-0", 1), harness.ClientID("pod-1", 1)}
			for _, id := range ids {
				cl := member(t, c, id, protocol.opts)
				members.Go(func() { commitEach(ctx, cl, id, &made) })
			}
			produce := client(t, c, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
			wait := trickle(ctx, produce)
			more := func() {
				n := len(made.list())
				eventually(t, "more commits", func() bool { return len(made.list()) > n+50 })
			}
			more()
			node := c.Nodes()[c.Kfake().CoordinatorFor(group)]
			if err := node.Kill(ctx); err != nil {
				t.Fatal(err)
			}
			more()
			if err := node.Start(ctx); err != nil {
				t.Fatal(err)
			}
			more()
			cancel()
			members.Wait()
			wait()
			stop()
			to := ledger.NewClock().Now()
			for p := range int32(partitions) {
				for _, id := range ids {
					// Two members may commit a partition at a time, and only
					// the broker knows in which order.
					its := func(commit harness.Commit) bool { return commit.Partition == p && commit.ClientID == id }
					compare(t, made.by(its), seen.by(its))
				}
			}
			checkTimes(t, seen.list(), from, to)
		})
	}
}

// commitEach commits after every record and records the acknowledged commits. A
// commit without a response is recorded as unconfirmed.
func commitEach(ctx context.Context, cl *kgo.Client, id string, made *commits) {
	for ctx.Err() == nil {
		for _, r := range cl.PollFetches(ctx).Records() {
			commit := harness.Commit{ClientID: id, Partition: r.Partition, Offset: r.Offset + 1}
			next := map[string]map[int32]kgo.EpochOffset{topic: {r.Partition: {Epoch: r.LeaderEpoch, Offset: r.Offset + 1}}}
			cl.CommitOffsetsSync(ctx, next, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
				commit.Confirmed = err == nil && resp.Topics[0].Partitions[0].ErrorCode == 0
			})
			made.add(commit)
		}
	}
}

// compare wants every acknowledged commit of a member on a partition to be
// observed as confirmed, in order, and no other commit to be confirmed. A commit
// without a response may be observed never, or once for each request of the
// client.
func compare(t *testing.T, made, seen []harness.Commit) {
	t.Helper()
	var last harness.Commit
	for _, s := range seen {
		if !s.Confirmed {
			continue
		}
		same := func(m harness.Commit) bool { return m.Offset == s.Offset }
		acked := slices.IndexFunc(made, func(m harness.Commit) bool { return m.Confirmed })
		if acked < 0 {
			acked = len(made)
		}
		if acked < len(made) && same(made[acked]) {
			made = made[acked+1:]
		} else if open := slices.IndexFunc(made[:acked], same); open >= 0 {
			made = made[open+1:]
		} else if s != last {
			t.Fatalf("observed %+v after %+v; made from there: %+v", s, last, made)
		}
		last = s
	}
	for _, m := range made {
		if m.Confirmed {
			t.Fatalf("made and not observed: %+v", m)
		}
	}
}

func checkTimes(t *testing.T, seen []harness.Commit, from, to int64) {
	t.Helper()
	last := from
	for _, s := range seen {
		if s.At < last || s.At > to {
			t.Fatalf("a commit at %d: want it from %d to %d", s.At, last, to)
		}
		last = s.At
	}
}

func TestCommitByNonMemberHasNoClient(t *testing.T) {
	c := start(t, 2)
	seen, stop := observe(t, c)
	admin := kadm.NewClient(client(t, c, kgo.ClientID("admin")))
	if _, err := admin.CommitOffsets(within(t), group, kadm.OffsetsFromRecords(kgo.Record{Topic: topic, Partition: 1, Offset: 6})); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CommitOffsets(within(t), "others", kadm.OffsetsFromRecords(kgo.Record{Topic: topic, Partition: 1, Offset: 7})); err != nil {
		t.Fatal(err)
	}
	stop()
	stop()
	if got, want := seen.of(1), []harness.Commit{{Partition: 1, Offset: 7, Confirmed: true}}; !slices.Equal(got, want) {
		t.Errorf("observed %+v, want %+v", got, want)
	}
}

// TestRefusedCommitsAreReportedAsRefused sends one good commit between bad ones: of an
// unknown member, of an old generation, of a partition that does not exist. The
// bad commit before the good one has the same offset.
func TestRefusedCommitsAreReportedAsRefused(t *testing.T) {
	c := start(t, 1)
	cl := member(t, c, "pod-0.1", protocols[0].opts)
	ctx := within(t)
	if err := client(t, c).ProduceSync(ctx, &kgo.Record{Topic: topic}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.PollFetches(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	seen, stop := observe(t, c)
	id, generation := cl.GroupMetadata()
	for _, try := range []struct {
		member     string
		generation int32
		partition  int32
		offset     int64
		want       error
	}{
		{id, generation + 1, 0, 5, kerr.IllegalGeneration},
		{id, generation, 0, 5, nil},
		{"nobody", generation, 0, 6, kerr.UnknownMemberID},
		{id, generation - 1, 0, 5, kerr.IllegalGeneration},
		{id, generation, 9, 1, kerr.UnknownTopicOrPartition},
	} {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.MemberID, req.Generation = group, try.member, try.generation
		part := kmsg.NewOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset = try.partition, try.offset
		of := kmsg.NewOffsetCommitRequestTopic()
		of.Topic, of.TopicID = topic, c.Kfake().TopicInfo(topic).TopicID
		of.Partitions = append(of.Partitions, part)
		req.Topics = append(req.Topics, of)
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			t.Fatal(err)
		}
		if got := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); got != try.want {
			t.Fatalf("%+v: answer %v", try, got)
		}
	}
	stop()
	if got, want := seen.of(0), []harness.Commit{
		{ClientID: "pod-0.1", Offset: 5, Refused: true},
		{ClientID: "pod-0.1", Offset: 5, Confirmed: true},
		{ClientID: "", Offset: 6, Refused: true},
		{ClientID: "pod-0.1", Offset: 5, Refused: true},
	}; !slices.Equal(got, want) {
		t.Errorf("observed %+v, want %+v", got, want)
	}
	// No commit follows this one, so its outcome stays unknown.
	if got, want := seen.of(9), []harness.Commit{{ClientID: "pod-0.1", Partition: 9, Offset: 1}}; !slices.Equal(got, want) {
		t.Errorf("observed %+v, want %+v", got, want)
	}
}

// TestTransactionalCommitsTakeEffectAtTheEnd aborts one transaction and commits
// two. The EndTxn of the last is refused at first and then repeated, as a client
// does that got no response.
func TestTransactionalCommitsTakeEffectAtTheEnd(t *testing.T) {
	c := start(t, 1)
	ctx := within(t)
	var records []*kgo.Record
	for range 3 {
		records = append(records, &kgo.Record{Topic: topic})
	}
	if err := client(t, c).ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	seen, stop := observe(t, c)
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(c.Seeds()...), kgo.ClientID("pod-0.1"), kgo.TransactionalID("txn"),
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.MaxConcurrentFetches(1),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit, kgo.TryCommit} {
		if err := session.Begin(); err != nil {
			t.Fatal(err)
		}
		fetches := session.PollRecords(ctx, 1)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			c.Kfake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.NotCoordinator})
		}
		if committed, err := session.End(ctx, end); err != nil || committed != bool(end) {
			t.Fatalf("end of transaction %d: %v, %v", i, committed, err)
		}
	}
	endAgain(t, session.Client())
	stop()
	if got, want := seen.of(0), []harness.Commit{
		{ClientID: "pod-0.1", Offset: 1, Confirmed: true, Transactional: true},
		{ClientID: "pod-0.1", Offset: 2, Transactional: true},
		{ClientID: "pod-0.1", Offset: 2, Confirmed: true, Transactional: true},
	}; !slices.Equal(got, want) {
		t.Errorf("observed %+v, want %+v", got, want)
	}
	for _, commit := range seen.list() {
		if commit.Asked == 0 || commit.Asked >= commit.At {
			t.Errorf("%+v was asked for at %d, and its transaction ended at %d", commit, commit.Asked, commit.At)
		}
	}
}

// endAgain sends the end of the last transaction of a client once more.
func endAgain(t *testing.T, cl *kgo.Client) {
	t.Helper()
	id, epoch, err := cl.ProducerID(within(t))
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = "txn", id, epoch-1, true
	resp, err := req.RequestWith(within(t), cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestObserverKeepsUpWithACommitBurst sends far more commits than polling could
// follow. The observer must still see each outcome.
func TestObserverKeepsUpWithACommitBurst(t *testing.T) {
	c := start(t, 1)
	seen, stop := observe(t, c)
	cl := client(t, c)
	const n = 500
	for i := range n {
		offsets := kadm.OffsetsFromRecords(kgo.Record{Topic: topic, Offset: int64(i)})
		if _, err := kadm.NewClient(cl).CommitOffsets(within(t), group, offsets); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	for i, s := range seen.of(0) {
		if want := (harness.Commit{Offset: int64(i) + 1, Confirmed: true}); s != want {
			t.Fatalf("commit %d: observed %+v, want %+v", i, s, want)
		}
	}
	if got := len(seen.list()); got != n {
		t.Errorf("%d commits observed, want %d", got, n)
	}
}

// TestStopWaitsForOpenCommits stops observers while commits go on. A commit
// before the stop must be confirmed although the next one follows at once.
func TestStopWaitsForOpenCommits(t *testing.T) {
	c := start(t, 1)
	admin := kadm.NewClient(client(t, c))
	commit := func(offset int) {
		offsets := kadm.OffsetsFromRecords(kgo.Record{Topic: topic, Offset: int64(offset) - 1})
		if _, err := admin.CommitOffsets(within(t), group, offsets); err != nil {
			t.Error(err)
		}
	}
	for i := range 100 {
		seen, stop := observe(t, c)
		commit(2*i + 1)
		var covering sync.WaitGroup
		covering.Go(func() { commit(2*i + 2) })
		stop()
		covering.Wait()
		if got, want := seen.of(0), (harness.Commit{Offset: int64(2*i) + 1, Confirmed: true}); len(got) == 0 || got[0] != want {
			t.Fatalf("round %d: observed %+v, want %+v first", i, got, want)
		}
	}
}
