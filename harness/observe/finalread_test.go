package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

const (
	thisRun = 7
	side    = "side"
)

// memory is a broker in memory, and a client of it that asks about the topic "source".
type memory struct {
	kfake *kfake.Cluster
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	*Client
}

func inMemory(t *testing.T) *memory { return inMemoryOn(t, 9092) }

// inMemoryOn has a broker for each port.
func inMemoryOn(t *testing.T, ports ...int) *memory {
	t.Helper()
	network := new(kfake.VirtualNetwork)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(len(ports)), kfake.Ports(ports...), kfake.ListenFn(network.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	c, err := NewClient(cluster.ListenAddrs(), network.DialContext, "source", "group")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, topic := range []string{"source", side} {
		if err := cluster.CreateTopic(topic, 2, map[string]string{"message.timestamp.type": "LogAppendTime"}); err != nil {
			t.Fatal(err)
		}
	}
	return &memory{kfake: cluster, dial: network.DialContext, Client: c}
}

// producer is a client that sends to the partition a record names.
func (m *memory) producer(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(m.kfake.ListenAddrs()...), kgo.Dialer(m.dial), kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func send(t *testing.T, cl *kgo.Client, topic string, partition int32, values ...[]byte) {
	t.Helper()
	for _, v := range values {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Key: keyOf(v), Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// keyOf is the key of a value, but for [otherKey].
func keyOf(value []byte) []byte {
	id, _ := ledger.DecodeIdentity(value)
	if id.Seq == otherKey {
		id.Key++
	}
	return ledger.AppendKey(nil, id.Key)
}

// otherKey is the seq of records that are sent under the key of others.
const otherKey = 99

func value(run uint64, key, seq uint32) []byte {
	v := make([]byte, ledger.IdentitySize+8)
	ledger.Identity{Run: run, Key: key, Seq: seq, Due: 11, Sent: 12}.Encode(v)
	return v
}

// spoiled is a value whose byte at i was altered.
func spoiled(v []byte, i int) []byte {
	v[i]++
	return v
}

// slots collects what is emitted, a line each, and the times of the slots.
type slots struct {
	lines []string
	at    []int64
}

func (s *slots) emit(slot ledger.Slot) error {
	line := fmt.Sprintf("%v %v/%d@%d", slot.Kind(), slot.Topic, slot.Partition, slot.Offset())
	if slot.Kind() == ledger.KindDeferred {
		line += fmt.Sprintf(" to %d by %v", slot.To(), slot.DeferredBy())
	} else {
		line += fmt.Sprintf(" %d/%d due %d sent %d", slot.Key(), slot.Seq(), slot.Due(), slot.Sent())
	}
	s.lines = append(s.lines, fmt.Sprintf("%s flags %d", line, slot.Flags))
	s.at = append(s.at, slot.At())
	return nil
}

func (s *slots) want(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(s.lines)
	slices.Sort(want)
	if !slices.Equal(s.lines, want) {
		t.Errorf("read\n got  %q\n want %q", s.lines, want)
	}
}

func copied(format string, args ...any) string {
	return fmt.Sprintf("%v %s", ledger.KindCopied, fmt.Sprintf(format, args...))
}

func TestReadSide(t *testing.T) {
	m := inMemory(t)
	clock := ledger.NewClock()
	send(t, m.producer(t), side, 0, value(thisRun, 1, 2), value(8, 1, 3), spoiled(value(thisRun, 1, 4), ledger.IdentitySize), []byte("what?"), value(thisRun, 1, otherKey))
	txn := m.producer(t, kgo.TransactionalID("x"))
	for i, commit := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		if err := txn.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		send(t, txn, side, 1, value(thisRun, 5, uint32(i)))
		if err := txn.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	after := clock.Now()
	var got slots
	if err := m.ReadSide(t.Context(), side, 3, 2, harness.RoleRetry, thisRun, clock, got.emit); err != nil {
		t.Fatal(err)
	}
	for _, at := range got.at {
		if at > after || after-at > int64(time.Minute) {
			t.Errorf("appended at %d, the test ran until %d", at, after)
		}
	}
	got.want(t,
		copied("3/0@0 1/2 due 11 sent 12 flags 0"),
		copied("3/0@2 1/4 due 11 sent 12 flags %d", ledger.FlagCorrupt),
		copied("3/0@3 %d/%d due 0 sent 0 flags %d", uint32(ledger.NoIdentity), uint32(ledger.NoIdentity), ledger.FlagCorrupt),
		copied("3/0@4 1/99 due 11 sent 12 flags %d", ledger.FlagCorrupt),
		copied("3/1@2 5/1 due 11 sent 12 flags %d", ledger.FlagTransactional),
	)
}

// Two readings of a pair of clocks differ, and the log says which came first.
func TestReadSideKeepsTheOrderOfOneMillisecond(t *testing.T) {
	m := inMemory(t)
	var many []*kgo.Record
	for n := range uint32(2000) {
		many = append(many, &kgo.Record{Topic: side, Value: value(thisRun, 1, n)})
	}
	if err := m.producer(t).ProduceSync(t.Context(), many...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var got slots
	if err := m.ReadSide(t.Context(), side, 3, 2, harness.RoleOutput, thisRun, ledger.NewClock(), got.emit); err != nil {
		t.Fatal(err)
	}
	if len(got.at) != len(many) || !slices.IsSorted(got.at) {
		t.Errorf("%d records of %d, sorted %v", len(got.at), len(many), slices.IsSorted(got.at))
	}
}

// An output is keyed as its consumer likes.
func TestReadSideOfAnOutput(t *testing.T) {
	m := inMemory(t)
	send(t, m.producer(t), side, 0, value(thisRun, 1, otherKey))
	var got slots
	if err := m.ReadSide(t.Context(), side, 3, 2, harness.RoleOutput, thisRun, ledger.NewClock(), got.emit); err != nil {
		t.Fatal(err)
	}
	got.want(t, copied("3/0@0 1/99 due 11 sent 12 flags 0"))
}

// What was aborted at the beginning of a partition that takes several requests is left out.
func TestReadSideOfALongPartition(t *testing.T) {
	m := inMemory(t)
	txn := m.producer(t, kgo.TransactionalID("x"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	const each = 500
	for i := range uint32(15) {
		var many []*kgo.Record
		for n := range uint32(each) {
			many = append(many, &kgo.Record{Topic: side, Value: append(value(thisRun, i, n), make([]byte, 100)...)})
		}
		if err := errors.Join(txn.BeginTransaction(), txn.ProduceSync(t.Context(), many...).FirstErr(), txn.EndTransaction(t.Context(), i > 0)); err != nil {
			t.Fatal(err)
		}
	}
	taken := 0
	if err := m.ReadSide(t.Context(), side, 3, 1, harness.RoleOutput, thisRun, ledger.NewClock(), func(s ledger.Slot) error {
		if taken++; s.Key() == 0 {
			return fmt.Errorf("the record at %d was aborted", s.Offset())
		}
		return nil
	}); err != nil || taken != 14*each {
		t.Errorf("%d records, %v", taken, err)
	}
}

// TestReadSideOfAnOpenTransaction errs: what lies behind its begin is hidden.
func TestReadSideOfAnOpenTransaction(t *testing.T) {
	m := inMemory(t)
	txn := m.producer(t, kgo.TransactionalID("x"))
	if err := txn.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	send(t, txn, side, 1, value(thisRun, 1, 1))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := m.ReadSide(ctx, side, 1, 2, harness.RoleOutput, thisRun, ledger.NewClock(), new(slots).emit)
	if err == nil || !strings.Contains(err.Error(), "partition 1: a transaction is open at offset 0 of 1") {
		t.Errorf("got %v", err)
	}
	if err := txn.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	var got slots
	if err := m.ReadSide(t.Context(), side, 1, 2, harness.RoleOutput, thisRun, ledger.NewClock(), got.emit); err != nil || len(got.lines) != 1 {
		t.Errorf("then %q, %v, want the one record", got.lines, err)
	}
}

func TestReadSideOfRanges(t *testing.T) {
	m := inMemory(t)
	set, err := json.Marshal(harness.DeferredRange{Partition: 4, From: 10, To: 20})
	if err != nil {
		t.Fatal(err)
	}
	send(t, m.producer(t), side, 1, set, []byte("4: 10-20"), []byte(`{"partition":1,"from":7,"to":6}`))
	var got slots
	if err := m.ReadSide(t.Context(), side, 2, 2, harness.RoleRanges, thisRun, ledger.NewClock(), got.emit); err != nil {
		t.Fatal(err)
	}
	bad := func(offset int) string {
		return fmt.Sprintf("%v 0/-1@0 to 0 by topic 2 partition 1 offset %d flags %d", ledger.KindDeferred, offset, ledger.FlagCorrupt)
	}
	got.want(t, fmt.Sprintf("%v 0/4@10 to 20 by topic 2 partition 1 offset 0 flags 0", ledger.KindDeferred), bad(1), bad(2))
}

func TestReadAll(t *testing.T) {
	m := inMemory(t)
	send(t, m.producer(t), "source", 1, value(thisRun, 1, 2), value(8, 1, 3), spoiled(value(thisRun, 1, 4), ledger.IdentitySize), []byte("what?"), value(thisRun, 1, otherKey))
	var got slots
	if err := m.ReadAll(t.Context(), 2, thisRun, got.emit); err != nil {
		t.Fatal(err)
	}
	got.want(t, fmt.Sprintf("%v 0/1@0 1/2 due 11 sent 12 flags 0", ledger.KindAppended),
		fmt.Sprintf("%v 0/1@2 1/4 due 11 sent 12 flags %d", ledger.KindAppended, ledger.FlagCorrupt),
		fmt.Sprintf("%v 0/1@4 1/99 due 11 sent 12 flags %d", ledger.KindAppended, ledger.FlagCorrupt))
}

// TestReadAllAsksAgain where a broker errs for a while, and gives up where the
// answer is one that asking again does not mend.
func TestReadAllAsksAgain(t *testing.T) {
	m := inMemory(t)
	cl := m.producer(t)
	for i := range uint32(10) {
		send(t, cl, "source", int32(i%2), value(thisRun, 3, i))
	}
	answers := []int16{kerr.NotLeaderForPartition.Code, kerr.UnknownTopicID.Code}
	m.kfake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		m.kfake.KeepControl()
		if len(answers) == 0 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		for _, asked := range req.(*kmsg.FetchRequest).Topics {
			topic := kmsg.NewFetchResponseTopic()
			topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
			for _, p := range asked.Partitions {
				partition := kmsg.NewFetchResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, answers[0]
				topic.Partitions = append(topic.Partitions, partition)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		answers = answers[1:]
		return resp, nil, true
	})
	var got slots
	if err := m.ReadAll(t.Context(), 2, thisRun, got.emit); err != nil || len(got.lines) != 10 {
		t.Errorf("read %d of 10 records: %v", len(got.lines), err)
	}
	answers = []int16{kerr.TopicAuthorizationFailed.Code}
	if err := m.ReadAll(t.Context(), 2, thisRun, got.emit); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("read what may not be read: %v", err)
	}
}
