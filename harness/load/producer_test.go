package load_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topic      = "source"
	partitions = 12
	run        = 77
)

func startKafka(t testing.TB) *kfake.Cluster {
	t.Helper()
	lock.Machine(t)
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(partitions, topic), kfake.DataDir(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// startProducer returns a prepared producer, its clock, and the path of its journal.
func startProducer(t testing.TB, c *kfake.Cluster, l harness.Load, settings ...harness.ProducerSettings) (*load.Producer, ledger.Clock, *ledger.Writer, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sends")
	journal, err := ledger.NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	clock := ledger.NewClock()
	cfg := load.ProducerConfig{
		Seeds: c.ListenAddrs(), Topic: topic, Partitions: partitions, Load: l,
		Run: run, Seed: 5, Clock: clock, Journal: journal,
	}
	if len(settings) > 0 {
		cfg.Settings = settings[0]
	}
	p, err := load.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		journal.Close()
	})
	if err := p.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, clock, journal, path
}

// readSends reads a journal back once its producer has closed, in the order sent.
func readSends(t testing.TB, p *load.Producer, j *ledger.Writer, path string) (sends []ledger.Slot) {
	t.Helper()
	p.Close()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Each(func(s *ledger.Slot) { sends = append(sends, *s) }); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(sends, func(a, b ledger.Slot) int {
		return cmp.Or(cmp.Compare(a.Due(), b.Due()), cmp.Compare(a.Sent(), b.Sent()))
	})
	return sends
}

// readLog reads n records of the topic.
func readLog(t *testing.T, c *kfake.Cluster, n int) (log []*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(log) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read the log: %d of %d records: %v", len(log), n, err)
		}
		log = append(log, fetches.Records()...)
	}
	return log
}

func TestProducerSendsTheLoad(t *testing.T) {
	c := startKafka(t)
	const count = 2000
	p, clock, journal, path := startProducer(t, c, harness.Load{
		Pacer: load.Constant{Rate: count * 2, For: 500 * time.Millisecond}, Keys: load.Hot{Fraction: 0.3, Hot: 1, Others: 50}, Payload: 120,
	})
	start := clock.Now()
	if err := p.Run(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sent, acked := p.Progress(); sent != count || acked != count {
		t.Errorf("sent %d, acked %d, want %d", sent, acked, count)
	}
	sends := readSends(t, p, journal, path)
	seqs := map[uint32]uint32{}
	at := map[ledger.Position]*ledger.Slot{}
	appended := make([]int64, partitions)
	for n := range sends {
		s := &sends[n]
		due, _ := load.Constant{Rate: count * 2, For: time.Hour}.At(uint64(n))
		if s.Kind() != ledger.KindSend || s.Owner() != 0 || s.Outcome() != ledger.OutcomeAcked || s.Seq() != seqs[s.Key()] || s.Due() != start+int64(due) {
			t.Fatalf("send %d: %+v; want it acked, seq %d, due at %v", n, s, seqs[s.Key()], due)
		}
		if s.Sent() < s.Due() || s.End() < s.Sent() {
			t.Fatalf("send %d: due at %d, sent at %d, acked at %d", n, s.Due(), s.Sent(), s.End())
		}
		seqs[s.Key()]++
		if at[s.Position()] != nil {
			t.Fatalf("two sends at %v", s.Position())
		}
		at[s.Position()] = s
		appended[s.Partition]++
	}
	if len(sends) != count || len(seqs) != 51 {
		t.Errorf("%d sends of %d keys", len(sends), len(seqs))
	}
	if got := p.Appended(); fmt.Sprint(got) != fmt.Sprint(appended) {
		t.Errorf("appended %v, the journal says %v", got, appended)
	}
	checkLog(t, readLog(t, c, count), at)
}

// checkLog compares the log with the sends by position, and the order of each key.
func checkLog(t *testing.T, log []*kgo.Record, at map[ledger.Position]*ledger.Slot) {
	t.Helper()
	next := map[uint32]uint32{}
	bodies := map[string]bool{}
	for _, r := range log {
		id, err := ledger.DecodeIdentity(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		pos := ledger.Position{Partition: r.Partition, Offset: r.Offset}
		s := at[pos]
		if s == nil {
			t.Fatalf("%v: %+v was not sent", pos, id)
		}
		if want := (ledger.Identity{Run: run, Key: s.Key(), Seq: s.Seq(), Due: s.Due(), Sent: s.Sent()}); id != want {
			t.Fatalf("%v: identity %+v, want %+v", pos, id, want)
		}
		if string(r.Key) != string(load.KeyBytes(id.Key)) || len(r.Value) != 120 {
			t.Fatalf("%v: key %s, %d bytes of value", pos, r.Key, len(r.Value))
		}
		if id.Seq != next[id.Key] {
			t.Fatalf("%v: key %d has seq %d after %d", pos, id.Key, id.Seq, next[id.Key])
		}
		next[id.Key]++
		bodies[string(r.Value[ledger.IdentitySize:])] = true
	}
	if len(bodies) < len(log)/2 {
		t.Errorf("%d records have %d different bodies", len(log), len(bodies))
	}
}

func TestProducerStopsWithItsContext(t *testing.T) {
	c := startKafka(t)
	p, clock, journal, path := startProducer(t, c, harness.Load{Pacer: load.Constant{Rate: 1000, For: time.Hour}, Keys: load.Uniform{N: 3}})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- p.Run(ctx, clock.Now()) }()
	for {
		if _, acked := p.Progress(); acked >= 5 {
			break
		}
		if err := load.Work(t.Context(), time.Millisecond, false); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent, acked := p.Progress()
	if sent != acked || sent >= 1000*3600 {
		t.Errorf("sent %d, acked %d", sent, acked)
	}
	if sends := readSends(t, p, journal, path); int64(len(sends)) != sent {
		t.Errorf("%d sends in the journal, %d sent", len(sends), sent)
	}
}

// A send that the broker refuses has failed. A send that timed out, or whose client
// was closed, may have been appended.
func TestProducerTellsFailedFromUnknown(t *testing.T) {
	for _, tt := range []struct {
		answer *kerr.Error
		flush  bool
		want   ledger.Outcome
	}{
		{kerr.MessageTooLarge, true, ledger.OutcomeFailed},
		{kerr.TopicAuthorizationFailed, true, ledger.OutcomeUnknown},
		{kerr.NotLeaderForPartition, false, ledger.OutcomeUnknown}, // tried again until Close
	} {
		t.Run(tt.answer.Message, func(t *testing.T) {
			c := startKafka(t)
			p, clock, journal, path := startProducer(t, c, harness.Load{Pacer: load.Flood{Records: 1}, Keys: load.Uniform{N: 1}})
			c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				return refuse(req.(*kmsg.ProduceRequest), tt.answer.Code), nil, true
			})
			if err := p.Run(t.Context(), clock.Now()); err != nil {
				t.Fatal(err)
			}
			if tt.flush {
				if err := p.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			sends := readSends(t, p, journal, path)
			if len(sends) != 1 || sends[0].Outcome() != tt.want {
				t.Errorf("sends %+v, want one that is %v", sends, tt.want)
			}
		})
	}
}

// refuse answers every partition of a request with an error.
func refuse(req *kmsg.ProduceRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, asked := range req.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
		for _, p := range asked.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, code
			topic.Partitions = append(topic.Partitions, partition)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func TestProducerNamesWhatKeepsItWaiting(t *testing.T) {
	c := startKafka(t)
	p, err := load.NewProducer(load.ProducerConfig{
		Seeds: c.ListenAddrs(), Topic: "missing", Partitions: 3, Clock: ledger.NewClock(),
		Load: harness.Load{Pacer: load.Flood{Records: 1}, Keys: load.Uniform{N: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := p.Prepare(ctx); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("prepared on a topic that is not there: %v", err)
	}
}

func TestProducerStopsWhenItsJournalFails(t *testing.T) {
	c := startKafka(t)
	p, clock, journal, _ := startProducer(t, c, harness.Load{Pacer: load.Flood{Records: 100_000}, Keys: load.Uniform{N: 10}})
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context(), clock.Now()); err == nil {
		t.Error("sent a load without a journal")
	}
}

func BenchmarkProducerFlood(b *testing.B) {
	c := startKafka(b)
	p, clock, _, _ := startProducer(b, c, harness.Load{Pacer: load.Flood{Records: uint64(b.N)}, Keys: load.Uniform{N: 100_000}, Payload: 100})
	b.ReportAllocs()
	b.ResetTimer()
	if err := p.Run(b.Context(), clock.Now()); err != nil {
		b.Fatal(err)
	}
	if err := p.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
