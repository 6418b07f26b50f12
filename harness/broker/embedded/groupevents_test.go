package embedded_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// sights collects the events, a line each, without times and ids.
type sights struct {
	mu    sync.Mutex
	lines []string
	at    []int64
}

func (s *sights) add(at int64, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines, s.at = append(s.lines, fmt.Sprintf(format, args...)), append(s.at, at)
}

func (s *sights) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

func (s *sights) count(line string) (n int) {
	for _, l := range s.list() {
		if l == line {
			n++
		}
	}
	return n
}

// watchGroups collects the events of groups whose names begin with the test's
// group. At the end it checks that their times lie within the test.
func watchGroups(t *testing.T, c *embedded.Cluster) *sights {
	t.Helper()
	s := &sights{}
	clock := ledger.NewClock()
	from := clock.Now()
	stop, err := c.ObserveGroups(group, harness.GroupEvents{
		Commit: func(c harness.Commit) {
			s.add(c.At, "commit %s of %s %s/%d %d %q generation %v confirmed %v", c.ClientID, c.Group, c.Topic, c.Partition, c.Offset, c.Metadata, c.Generation > 0, c.Confirmed)
		},
		Assign: func(a harness.GroupAssignment) {
			for _, m := range a.Group.Members {
				s.add(a.Seen, "generation %d of %s: %s %v", a.Group.Generation, a.Group.Name, m.ClientID, m.Partitions)
			}
			if a.At > a.Seen {
				s.add(a.At, "an assignment seen before it was")
			}
		},
		Rewind: func(r harness.Rewind) {
			s.add(r.At, "rewind %s of %s %s/%d", r.ClientID, r.Group, r.Topic, r.Partition)
		},
		Acquire: func(a harness.Acquisition) {
			for at := a.From; at < a.To; at++ {
				s.add(a.At, "acquire %s of %s %s/%d@%d delivery %d", a.ClientID, a.Group, a.Topic, a.Partition, at, a.Deliveries)
			}
		},
		Acknowledge: func(a harness.Acknowledgement) {
			s.add(a.At, "ack %s of %s %s/%d@%d %d %v", a.ClientID, a.Group, a.Topic, a.Partition, a.Offset, a.Ack, a.Outcome)
		},
		Transaction: func(x harness.Transaction) { s.add(x.At, "transaction %s of %s %v", x.ID, x.ClientID, x.Outcome) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		for i, at := range s.at {
			if at < from || at > clock.Now() {
				t.Errorf("%s: at %d, the test ran from %d to %d", s.lines[i], at, from, clock.Now())
			}
		}
	})
	return s
}

func (s *sights) await(t *testing.T, line string, times int) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("seen: %q", s.list())
		}
	}()
	eventually(t, fmt.Sprintf("%d x %s", times, line), func() bool { return s.count(line) >= times })
}

// TestObserverSeesAssignments lets a second member join a group with one
// partition. The cluster must report the owner in each generation, also in those
// that pass between two polls.
func TestObserverSeesAssignments(t *testing.T) {
	for _, protocol := range protocols[:2] {
		t.Run(protocol.name, func(t *testing.T) {
			c := start(t, 1)
			s := watchGroups(t, c)
			first := member(t, c, "pod-0.1", protocol.opts)
			s.await(t, "generation 1 of consumers: pod-0.1 map[source:[0]]", 1)
			second := member(t, c, "pod-1.1", protocol.opts)
			eventually(t, "an assignment to both", func() bool {
				all := fmt.Sprint(s.list())
				return strings.Contains(all, "generation 2 of consumers: pod-0.1") && strings.Contains(all, "generation 2 of consumers: pod-1.1")
			})
			first.Close()
			second.Close()
			if n := s.count("an assignment seen before it was"); n > 0 {
				t.Error("an assignment was seen before it was asked for")
			}
		})
	}
}

// TestObserverSeesRewinds lets a member acquire a partition, continue in the
// same membership, and come back after an expulsion: it fetches the commit
// twice.
func TestObserverSeesRewinds(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol.name, func(t *testing.T) {
			c := start(t, 1)
			s := watchGroups(t, c)
			cl := member(t, c, "pod-0.1", protocol.opts)
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			wait := trickle(ctx, cl)
			const asked = "rewind pod-0.1 of consumers source/0"
			s.await(t, asked, 1)
			// Its heartbeats are refused, as those of a member that was expelled.
			heartbeats := []kmsg.Key{kmsg.Heartbeat, kmsg.ConsumerGroupHeartbeat}
			c.Kfake().Fault(kfake.Fault{Keys: heartbeats, Err: kerr.UnknownMemberID, TopLevel: true, Count: 1})
			s.await(t, asked, 2)
			cancel()
			wait()
			if n := s.count(asked); n > 3 {
				t.Errorf("%d rewinds for two acquisitions", n)
			}
		})
	}
}

// TestOffsetFetchOfANonMemberIsNoRewind fetches commits as an administrator, and
// as a member that the group does not know.
func TestOffsetFetchOfANonMemberIsNoRewind(t *testing.T) {
	c := start(t, 1)
	s := watchGroups(t, c)
	cl := member(t, c, "pod-0.1", protocols[2].opts)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	defer trickle(ctx, cl)()
	defer cancel()
	s.await(t, "rewind pod-0.1 of consumers source/0", 1)
	for _, as := range []*string{nil, kmsg.StringPtr("nobody")} {
		req := kmsg.NewPtrOffsetFetchRequest()
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group, g.MemberID, g.MemberEpoch = group, as, 3
		of := kmsg.NewOffsetFetchRequestGroupTopic()
		of.Topic, of.TopicID, of.Partitions = topic, c.Kfake().TopicInfo(topic).TopicID, []int32{0}
		g.Topics = append(g.Topics, of)
		req.Groups = append(req.Groups, g)
		if _, err := req.RequestWith(ctx, client(t, c, kgo.ClientID("pod-1.1"))); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range s.list() {
		if line == "rewind pod-1.1 of consumers source/0" {
			t.Error("a rewind of who is no member")
		}
	}
}

// TestObserverSeesCommitsOfFurtherGroups sees metadata, generation and topic of the commits of a
// group whose name begins with the run's, and nothing of others.
func TestObserverSeesCommitsOfFurtherGroups(t *testing.T) {
	c := start(t, 1)
	if err := c.Kfake().CreateTopic("side", 1, nil); err != nil {
		t.Fatal(err)
	}
	s := watchGroups(t, c)
	ctx := within(t)
	for _, g := range []string{group + "-retry", "x" + group} {
		cl := client(t, c, kgo.ClientID("pod-0.1"), kgo.ConsumerGroup(g), kgo.ConsumeTopics("side"), kgo.DisableAutoCommit(),
			kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "side"}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.PollFetches(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		pre := kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
			req.Topics[0].Partitions[0].Metadata = kmsg.StringPtr("done: 1, 3")
			return nil
		})
		cl.CommitOffsetsSync(pre, map[string]map[int32]kgo.EpochOffset{"side": {0: {Epoch: -1, Offset: 1}}}, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	s.await(t, `commit pod-0.1 of consumers-retry side/0 1 "done: 1, 3" generation true confirmed true`, 1)
	groups, err := c.DescribeGroups(ctx, group)
	if err != nil || len(groups) != 1 || groups[0].Name != group+"-retry" || !slices.Equal(groups[0].Members[0].Partitions["side"], []int32{0}) {
		t.Errorf("groups %+v, %v", groups, err)
	}
	for _, line := range s.list() {
		if !strings.Contains(line, " of consumers-retry") {
			t.Errorf("seen of another group: %s", line)
		}
	}
}

// TestObserverSeesTransactions commits one, aborts one, and leaves one open to be
// aborted by the next owner of the id.
func TestObserverSeesTransactions(t *testing.T) {
	c := start(t, 1)
	s := watchGroups(t, c)
	ctx := within(t)
	open := func(id string) *kgo.Client {
		cl := client(t, c, kgo.ClientID(id), kgo.TransactionalID("txn"), kgo.DefaultProduceTopic(topic))
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return cl
	}
	cl := open("pod-0.1")
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if err := open("pod-0.2").EndTransaction(ctx, kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	abandoned := open("pod-0.3")
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.Generation = "txn", group, -1
	var err error
	if req.ProducerID, req.ProducerEpoch, err = abandoned.ProducerID(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := req.RequestWith(ctx, abandoned); err != nil {
		t.Fatal(err)
	}
	open("pod-0.4")
	want := []string{"transaction txn of pod-0.1 confirmed", "transaction txn of pod-0.2 cancelled", "transaction txn of pod-0.3 cancelled"}
	eventually(t, "three transactions", func() bool { return len(s.list()) >= 3 })
	if got := s.list(); !slices.Equal(got, want) {
		t.Errorf("seen %q, want %q", got, want)
	}
}

// TestObserverSeesShareGroups has a member of a share group accept, release and reject,
// and answer for a record that it no longer has.
func TestObserverSeesShareGroups(t *testing.T) {
	c := start(t, 1)
	s := watchGroups(t, c)
	ctx := within(t)
	if err := c.ConfigureShareGroup(ctx, group, time.Second, 5); err != nil {
		t.Fatal(err)
	}
	records := []*kgo.Record{{Topic: topic}, {Topic: topic}, {Topic: topic}}
	if err := client(t, c).ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	cl := client(t, c, kgo.ClientID("pod-0.1"), kgo.ShareGroup(group), kgo.ConsumeTopics(topic))
	answers := []kgo.AckStatus{kgo.AckAccept, kgo.AckRelease, kgo.AckReject}
	for taken := 0; taken < 3; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			r.Ack(answers[r.Offset])
			taken++
		})
	}
	if err := cl.FlushAcks(ctx); err != nil {
		t.Fatal(err)
	}
	for i, ack := range []ledger.Ack{ledger.AckAccept, ledger.AckRelease, ledger.AckReject} {
		s.await(t, fmt.Sprintf("acquire pod-0.1 of consumers source/0@%d delivery 1", i), 1)
		s.await(t, fmt.Sprintf("ack pod-0.1 of consumers source/0@%d %d confirmed", i, ack), 1)
	}
	// The released record is delivered again, its lock expires, and another member gets
	// it before the acknowledgement.
	var again *kgo.Record
	for again == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { again = r })
	}
	s.await(t, "acquire pod-0.1 of consumers source/0@1 delivery 2", 1)
	cl.PauseFetchTopics(topic)
	groups, err := c.DescribeGroups(ctx, group)
	if err != nil || len(groups) != 1 || len(groups[0].Members) != 1 || groups[0].Members[0].ClientID != "pod-0.1" {
		t.Errorf("groups %+v, %v", groups, err)
	}
	other := client(t, c, kgo.ClientID("pod-1.1"), kgo.ShareGroup(group), kgo.ConsumeTopics(topic))
	other.PollFetches(ctx)
	s.await(t, "acquire pod-1.1 of consumers source/0@1 delivery 3", 1)
	again.Ack(kgo.AckAccept)
	cl.FlushAcks(ctx) // the client may report an error here
	s.await(t, fmt.Sprintf("ack pod-0.1 of consumers source/0@1 %d failed", ledger.AckAccept), 1)
}
