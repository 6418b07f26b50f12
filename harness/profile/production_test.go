package profile

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
)

// production is a cluster with the topic orders.
type production struct {
	seeds  []string
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	client *kgo.Client
	admin  *kadm.Client
}

// newProduction creates the topic. The client must be closed.
func newProduction(t *testing.T, c harness.Cluster, partitions int32) *production {
	t.Helper()
	p := &production{seeds: c.Seeds()}
	opts := []kgo.Opt{
		kgo.SeedBrokers(p.seeds...), kgo.DefaultProduceTopic("orders"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(10 * time.Millisecond), kgo.DisableClientMetrics(),
	}
	if d, ok := c.(harness.Dialer); ok {
		p.dial = d.Dial
		opts = append(opts, kgo.Dialer(d.Dial))
	}
	var err error
	if p.client, err = kgo.NewClient(opts...); err != nil {
		t.Fatal(err)
	}
	p.admin = kadm.NewClient(p.client)
	if _, err := p.admin.CreateTopic(t.Context(), partitions, 3, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	return p
}

// produce sends a made topic. at once: all records have the times of the made topic, else each is sent when it is due
// from now on.
func (p *production) produce(ctx context.Context, m madeTopic, atOnce bool) error {
	start, failed := time.Now(), error(nil)
	m.each(func(r Record) {
		if !atOnce {
			time.Sleep(time.Until(start.Add(r.Time.Sub(m.start))))
		}
		record := &kgo.Record{Key: r.Key, Value: make([]byte, r.Size), Partition: int32(r.Partition)}
		if atOnce {
			record.Timestamp = r.Time
		}
		p.client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil && !errors.Is(err, context.Canceled) {
				failed = err
			}
		})
	})
	return errors.Join(p.client.Flush(ctx), failed)
}

func (p *production) topic() Topic {
	return Topic{Seeds: p.seeds, Dial: p.dial, Name: "orders"}
}

// checkReplay goes the whole way: a topic as in production, its profile, a producer that replays it
// into another topic, and the profile of that.
func checkReplay(t *testing.T, p *production, made madeTopic, dir string) {
	t.Helper()
	made.start = time.Now().Add(-time.Duration(made.seconds) * time.Second)
	if err := p.produce(t.Context(), made, true); err != nil {
		t.Fatal(err)
	}
	topic := p.topic()
	topic.Since, topic.Limit = time.Since(made.start), 1e6
	was, err := topic.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "profile.json")
	if err := was.Save(path); err != nil {
		t.Fatal(err)
	}
	replay, err := ParseReplay(path)
	if err != nil {
		t.Fatal(err)
	}
	is := replayTo(t, p, replay, dir)
	if found := differences(was, is, 1); len(found) > 0 {
		t.Errorf("the replayed topic differs:\n%s", strings.Join(found, "\n"))
	}
	if was.Records < 10_000 || is.Reading.Skipped > 0 {
		t.Errorf("%d records, and %+v", was.Records, is.Reading)
	}
}

// replayTo sends a replay to a topic of its own and returns the profile of that.
func replayTo(t *testing.T, p *production, replay *Replay, dir string) *Profile {
	t.Helper()
	var s harness.Scenario
	if err := replay.Apply(&s, 0); err != nil {
		t.Fatal(err)
	}
	s.Load.Payload = int(s.Load.Sizes.Mean())
	if _, err := p.admin.CreateTopic(t.Context(), int32(s.Partitions), 3, nil, "replayed"); err != nil {
		t.Fatal(err)
	}
	journal, err := ledger.NewWriter(filepath.Join(dir, "sends"))
	if err != nil {
		t.Fatal(err)
	}
	clock := ledger.NewClock()
	producer, err := load.NewProducer(load.ProducerConfig{
		Seeds: p.seeds, Dialer: p.dial, Topic: "replayed", Partitions: s.Partitions, Load: s.Load, Run: 1, Seed: 7, Clock: clock, Journal: journal,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := producer.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := errors.Join(producer.Run(t.Context(), clock.Now()), producer.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(start.Add(replay.Profile.Length)))
	topic := p.topic()
	topic.Name, topic.Since, topic.Limit = "replayed", time.Since(start), 1e6
	is, err := topic.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	producer.Close()
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	return is
}
