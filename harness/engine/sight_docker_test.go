package engine_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/observe"
)

// sight is an observer of one group, and the journal it writes.
type sight struct {
	*observe.Watcher
	cluster harness.Cluster
	client  *observe.Client
	topics  []observe.Topic
	path    string
	again   atomic.Bool // again: pod-1 was started again
	owned   ownedJournal
}

// ownedJournal is a journal that tells which partitions were seen to have an owner.
type ownedJournal struct {
	*ledger.Journal
	positions sync.Map
}

func (j *ownedJournal) Append(s ledger.Slot) error {
	if s.Kind() == ledger.KindOwned {
		j.positions.Store(ledger.Position{Topic: s.Topic, Partition: s.Partition}, true)
	}
	return j.Journal.Append(s)
}

func (j *ownedJournal) has(topic uint16, partition int32) bool {
	_, ok := j.positions.Load(ledger.Position{Topic: topic, Partition: partition})
	return ok
}

func newSight(t *testing.T, cluster harness.Cluster, name string) *sight {
	t.Helper()
	s := &sight{cluster: cluster, path: filepath.Join(t.TempDir(), "observed.journal")}
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	s.topics = []observe.Topic{{Name: name, Partitions: 2}, {Name: name + "-retry", Role: harness.RoleRetry, Partitions: 1}}
	var err error
	if s.client, err = observe.NewClient(cluster.Seeds(), nil, name, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	for _, topic := range s.topics {
		if err := s.client.CreateTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// watch starts to observe.
func (s *sight) watch(t *testing.T, protocol harness.Protocol, share bool) {
	t.Helper()
	j, err := ledger.Create(s.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	s.owned.Journal = j
	s.Watcher, err = observe.Watch(t.Context(), observe.Config{
		Cluster: s.cluster, Client: s.client, Topics: s.topics, Protocol: protocol, Share: share, OwnGroups: len(s.topics) > 1,
		Clock: ledger.NewClock(), Journal: &s.owned, MaxGap: 6 * time.Second,
		OwnerOf: func(client string) ledger.Owner {
			if client == "pod-1.2" && !s.again.Load() {
				return 0
			}
			return ledger.Owner(1 + slices.Index([]string{"pod-1.1", "pod-2.1", "pod-1.2"}, client))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// seen ends the watch and returns its journal, one line per entry.
func (s *sight) seen(t *testing.T) (lines []string) {
	t.Helper()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	r, err := ledger.Open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Each(func(f *ledger.Slot) {
		switch f.Kind() {
		case ledger.KindText:
			lines[len(lines)-1] += fmt.Sprintf(" %q", f.AppendText(nil))
		case ledger.KindCommit:
			lines = append(lines, fmt.Sprintf("commit %d/%d %d by %d own %v transactional %v generation %v %v", f.Topic, f.Partition, f.Offset(), f.Owner(),
				f.Membership().Group != 0, f.Flags&ledger.FlagTransactional != 0, f.Membership().Generation > 0, f.Outcome()))
		case ledger.KindOwned:
			lines = append(lines, fmt.Sprintf("owned %d/%d by %d own %v", f.Topic, f.Partition, f.Owner(), f.Membership().Group != 0))
		case ledger.KindReleased:
			lines = append(lines, fmt.Sprintf("released %d/%d by %d own %v", f.Topic, f.Partition, f.Owner(), f.Membership().Group != 0))
		case ledger.KindTransaction:
			lines = append(lines, fmt.Sprintf("transaction by %d %v", f.Owner(), f.Outcome()))
		case ledger.KindRewound:
			lines = append(lines, fmt.Sprintf("rewound %d/%d to %d by %d", f.Topic, f.Partition, f.Offset(), f.Owner()))
		case ledger.KindAcquired:
			lines = append(lines, fmt.Sprintf("acquired %d/%d %d-%d by %d delivery %d", f.Topic, f.Partition, f.Offset(), f.To(), f.Owner(), f.Deliveries()))
		case ledger.KindAcknowledged:
			lines = append(lines, fmt.Sprintf("acknowledged %d/%d@%d by %d as %d %v", f.Topic, f.Partition, f.Offset(), f.Owner(), f.Ack(), f.Outcome()))
		default:
			lines = append(lines, fmt.Sprintf("kind %d", f.Kind()))
		}
	}); err != nil {
		t.Fatal(err)
	}
	return lines
}

// seeds are the addresses of a front for one client.
func (s *sight) seeds(t *testing.T, id string) kgo.Opt {
	t.Helper()
	f, err := s.cluster.(harness.Fronter).OpenFront(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return kgo.SeedBrokers(f.Seeds()...)
}

func (s *sight) member(t *testing.T, id, group, topic string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		s.seeds(t, id), kgo.ClientID(id), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(500 * time.Millisecond), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AlwaysRetryEOF(),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func contains(t *testing.T, lines []string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(lines, w) {
			t.Errorf("not seen: %s; seen:\n%s", w, strings.Join(lines, "\n"))
		}
	}
}

func produce(t *testing.T, cl *kgo.Client, topic string, partitions ...int32) {
	t.Helper()
	for _, p := range partitions {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: p, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// commit commits as a member, with metadata, or with that of the client ("").
func commit(t *testing.T, cl *kgo.Client, topic string, partition int32, offset int64, metadata string) {
	t.Helper()
	ctx := kgo.PreCommitFnContext(t.Context(), func(req *kmsg.OffsetCommitRequest) error {
		if metadata != "" {
			req.Topics[0].Partitions[0].Metadata = &metadata
		}
		return nil
	})
	cl.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{topic: {partition: {Epoch: -1, Offset: offset}}}, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Errorf("commit of %d: %v, %+v", offset, err, resp)
		}
	})
}
