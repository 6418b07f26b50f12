package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

func TestThreeNodesServeSeveralRuns(t *testing.T) {
	b := prepared(t)
	c := started(t, b, harness.ClusterSpec{})
	t.Run("groups of both protocols", func(t *testing.T) {
		bothProtocols(t, c)
	})
	t.Run("kill and restart under load", func(t *testing.T) {
		killUnderLoad(t, b, c)
	})
	t.Run("reused for the next run", func(t *testing.T) {
		reused(t, b, c)
	})
	t.Run("a run that was cut short leaves a node down", func(t *testing.T) {
		if err := c.Nodes()[2].Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		kept := b.kept
		forgotten(t, kept, 2)
		started(t, b, harness.ClusterSpec{})
		if b.kept != kept {
			t.Error("the cluster was replaced, although its nodes were healthy")
		}
		if err := b.kept.checkHealth(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// forgotten waits until the cluster's own client knows a node no more. Without topics it would learn
// of its return only after minutes.
func forgotten(t *testing.T, c *cluster, node int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := retryUntil(ctx, func(ctx context.Context) error {
		meta, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, c.client)
		if err == nil && len(meta.Brokers) == len(c.nodes) {
			err = fmt.Errorf("node %d is still registered", c.nodes[node].id)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// bothProtocols has two members share a topic and commit, by each protocol.
func bothProtocols(t *testing.T, c harness.Cluster) {
	const records, partitions = 600, 4
	for name, protocol := range map[string][]kgo.Opt{
		"classic": {kgo.Balancers(kgo.CooperativeStickyBalancer())},
		"848":     {kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())},
	} {
		topic, group := "stampede-both-"+name, "stampede-both-"+name
		producer := kafka(t, c, kgo.DefaultProduceTopic(topic))
		created(t, producer, topic, partitions)
		var handled atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			member := kafka(t, c, append(protocol, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitInterval(100*time.Millisecond))...)
			wg.Go(func() {
				for ctx.Err() == nil {
					handled.Add(int64(member.PollFetches(ctx).NumRecords()))
				}
			})
		}
		for i := range records {
			producer.Produce(t.Context(), kgo.StringRecord(strconv.Itoa(i)), nil)
		}
		if err := producer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		reached(t, "records of the "+name+" group", &handled, records)
		committed(t, producer, group, records)
		spoken(t, producer, group, name)
		cancel()
		wg.Wait()
	}
}

// spoken checks which protocol a group really uses: a client whose request for
// KIP-848 is refused falls back to the classic protocol without a message.
func spoken(t *testing.T, cl *kgo.Client, group, want string) {
	t.Helper()
	described, err := kadm.NewClient(cl).DescribeConsumerGroups(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	got := "848"
	if err := described[group].Err; errors.Is(err, kerr.GroupIDNotFound) { // none of that protocol
		got = "classic"
	} else if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("group %s speaks %s, want %s", group, got, want)
	}
}

// committed waits until the commits of a group come to so many records.
func committed(t *testing.T, cl *kgo.Client, group string, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := retryUntil(ctx, func(ctx context.Context) error {
		offsets, err := kadm.NewClient(cl).FetchOffsets(ctx, group)
		if err != nil {
			return err
		}
		var sum int64
		offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
		if sum != want {
			return fmt.Errorf("group %s has committed %d of %d", group, sum, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// killUnderLoad kills a node under 500 records/s and brings it back: every
// record is acknowledged, and in the log exactly once.
func killUnderLoad(t *testing.T, b *backend, c harness.Cluster) {
	const records, partitions, topic = 5000, 6, "stampede-load"
	cl := kafka(t, c, kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()))
	created(t, cl, topic, partitions)
	var acked atomic.Int64
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for i := range records {
			<-tick.C
			cl.Produce(context.Background(), kgo.StringRecord(strconv.Itoa(i)), func(_ *kgo.Record, err error) {
				if err == nil {
					acked.Add(1)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			})
		}
	})
	node := c.Nodes()[1]
	front, err := c.(harness.Fronter).OpenFront(t.Context(), "pod-1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	accepts := func() bool {
		conn, err := net.Dial("tcp", front.Seeds()[1])
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	reached(t, "acks before the kill", &acked, records/5)
	if err := node.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := node.Kill(t.Context()); err == nil || !strings.Contains(err.Error(), "kill node 2: it is down already") {
		t.Errorf("killed twice: %v", err)
	}
	noticed(t, b, 1)
	if accepts() {
		t.Error("the front of a dead broker accepts")
	}
	extra := onEach(t, c, topic, partitions)
	half, giveUp := context.WithTimeout(t.Context(), time.Second) // as when a run ends while the broker boots
	err = node.Start(half)
	giveUp()
	if err != nil {
		err = node.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if !accepts() {
		t.Error("the front of a broker that is back refuses")
	}
	if err := node.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "start node 2: it runs already") {
		t.Errorf("started twice: %v", err)
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if len(failed) > 0 || acked.Load() != records {
		t.Errorf("%d acked and %d failed of %d, the first by %v", acked.Load(), len(failed), records, errors.Join(failed[:min(1, len(failed))]...))
	}
	times := map[string]int{}
	for _, v := range readAll(t, c, topic) {
		times[v]++
	}
	want := extra
	for i := range records {
		want = append(want, strconv.Itoa(i))
	}
	for _, v := range want {
		if n := times[v]; n != 1 {
			t.Errorf("record %s is in the log %d times", v, n)
		}
	}
}

// onEach gets a record acknowledged on each partition. The leader of some is
// down, so its followers must have taken over.
func onEach(t *testing.T, c harness.Cluster, topic string, partitions int32) (values []string) {
	t.Helper()
	cl := kafka(t, c, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	for p := range partitions {
		r := kgo.StringRecord(fmt.Sprintf("while a node is down, to partition %d", p))
		r.Topic, r.Partition = topic, p
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatalf("partition %d: %v", p, err)
		}
		values = append(values, string(r.Value))
	}
	return values
}

// noticed waits until the others know that a node is gone.
func noticed(t *testing.T, b *backend, index int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, n := range b.kept.nodes {
		if i == index {
			continue
		}
		err := retryUntil(ctx, func(ctx context.Context) error {
			meta, err := n.fetchMetadata(ctx)
			if err != nil {
				return err
			}
			if b.kept.lacksNodes(meta) == nil {
				return fmt.Errorf("node %d still counts all nodes", n.id)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readAll are the values of a topic, from the start of each partition to its end.
func readAll(t *testing.T, c harness.Cluster, topic string) (values []string) {
	t.Helper()
	cl := kafka(t, c, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if err := ends.Error(); err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d records left to read: %v", left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			values = append(values, string(r.Value))
			left--
		})
	}
	return values
}

// reused starts the same cluster again: it must have the same nodes, be healthy,
// and lack the topics and groups of earlier runs.
func reused(t *testing.T, b *backend, before harness.Cluster) {
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	c := started(t, b, harness.ClusterSpec{})
	if got, want := fmt.Sprint(c.Seeds()), fmt.Sprint(before.Seeds()); got != want {
		t.Errorf("other nodes: %s, before %s", got, want)
	}
	if err := b.kept.checkHealth(t.Context()); err != nil {
		t.Error(err)
	}
	admin := kadm.NewClient(kafka(t, c))
	topics, err := admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range topics.Names() {
		if strings.HasPrefix(name, runPrefix) {
			t.Errorf("topic %s is still there", name)
		}
	}
	// A coordinator that has just taken over lists groups as of its last known
	// high watermark, which may be from before they were deleted.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = retryUntil(ctx, func(ctx context.Context) error {
		groups, err := admin.ListGroups(ctx)
		if err != nil {
			return err
		}
		for _, name := range groups.Groups() {
			if strings.HasPrefix(name, runPrefix) {
				return fmt.Errorf("group %s is still there", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
