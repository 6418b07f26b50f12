package docker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

func TestBackEndIsRegisteredWithItsAbilities(t *testing.T) {
	b, err := harness.FindBackend("docker")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := b.(harness.Preflighter); !ok {
		t.Error("it is no Preparer")
	}
	if _, ok := b.(harness.Closer); !ok {
		t.Error("it is no Closer")
	}
	if _, ok := b.(interface{ SetImage(string) }); !ok {
		t.Error("it has no SetImage")
	}
	if d, ok := b.(harness.Describer); !ok || d.Modelled() {
		t.Error("it is no Describer, or says it is a model")
	}
}

func TestChooseImage(t *testing.T) {
	broken := errors.New("engine broken")
	for _, c := range []struct {
		name, line, env string
		local           bool
		err             error
		want            string
	}{
		{name: "line beats all", line: "a/kafka:1", env: "b/kafka:1", local: true, want: "a/kafka:1"},
		{name: "then the environment", env: "b/kafka:1", local: true, want: "b/kafka:1"},
		{name: "then the local image", local: true, want: localImage},
		{name: "else the official one", want: officialImage},
		{name: "engine fails", err: broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := chooseImage(c.line, c.env, func(string) (bool, error) { return c.local, c.err })
			if !errors.Is(err, c.err) || err == nil && got != c.want {
				t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		image string
		nodes int
		want  string
	}{
		{localImage, 3, "Apache Kafka 4.3.1, 3 nodes in containers, image stampede/kafka:4.3.1"},
		{officialImage, 1, "Apache Kafka 4.3.1, 1 node in containers, image apache/kafka:4.3.1"},
		{"mine/kafka:4.3.1-patched", 3, "Apache Kafka, 3 nodes in containers, image mine/kafka:4.3.1-patched"},
		{"registry:5000/kafka:latest", 3, "Apache Kafka, 3 nodes in containers, image registry:5000/kafka:latest"},
	} {
		if got := describeImage(c.image, c.nodes); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestDescribeBeforeAnythingStarted(t *testing.T) {
	t.Setenv(imageEnv, "")
	b := new(backend)
	if got := b.Describe(); !strings.Contains(got, "3 nodes") || !strings.Contains(got, localImage) {
		t.Errorf("got %q", got)
	}
	b.SetImage("mine/kafka:4.2.0")
	if got := b.Describe(); !strings.Contains(got, "Kafka 4.2.0") || !strings.Contains(got, "mine/kafka:4.2.0") {
		t.Errorf("got %q", got)
	}
}

func TestShapeOf(t *testing.T) {
	for _, c := range []struct {
		name string
		spec harness.ClusterSpec
		want shape
		err  string
	}{
		{name: "defaults", want: shape{3, 6 * time.Second, time.Second}},
		{name: "as said", spec: harness.ClusterSpec{Nodes: 1, Session: 3 * time.Second, Heartbeat: time.Second}, want: shape{1, 3 * time.Second, time.Second}},
		{name: "heartbeat from session", spec: harness.ClusterSpec{Session: 3 * time.Second}, want: shape{3, 3 * time.Second, 500 * time.Millisecond}},
		{name: "shortest session", spec: harness.ClusterSpec{Session: time.Second}, want: shape{3, time.Second, time.Second / 6}},
		{name: "too short", spec: harness.ClusterSpec{Session: 900 * time.Millisecond}, err: "session timeout 900ms"},
		{name: "too long", spec: harness.ClusterSpec{Session: time.Hour}, err: "session timeout 1h"},
		{name: "heartbeat too short", spec: harness.ClusterSpec{Heartbeat: 50 * time.Millisecond}, err: "heartbeat 50ms"},
		{name: "heartbeat too long", spec: harness.ClusterSpec{Heartbeat: 6 * time.Second}, err: "heartbeat 6s"},
		{name: "negative", spec: harness.ClusterSpec{Nodes: -1}, err: "-1 nodes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := shapeOf(c.spec)
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func TestServerProperties(t *testing.T) {
	for _, c := range []struct {
		nodes int
		want  []string
	}{
		{3, []string{
			"node.id=2",
			"controller.quorum.voters=1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093",
			"advertised.listeners=INTERNAL://kafka-2:9092,EXTERNAL://127.0.0.1:20000",
			"default.replication.factor=3",
			"min.insync.replicas=2",
			"offsets.topic.replication.factor=3",
			"group.consumer.session.timeout.ms=3000",
			"group.consumer.heartbeat.interval.ms=500",
			"auto.create.topics.enable=false",
		}},
		{1, []string{"controller.quorum.voters=1@kafka-1:9093", "default.replication.factor=1", "min.insync.replicas=1", "offsets.topic.replication.factor=1"}},
		{5, []string{"default.replication.factor=3", "min.insync.replicas=2"}},
	} {
		have := map[string]bool{}
		for _, line := range strings.Split(serverProperties(2, 20000, shape{c.nodes, 3 * time.Second, 500 * time.Millisecond}), "\n") {
			name, _, _ := strings.Cut(line, "=")
			if have[name] {
				t.Errorf("%d nodes: %s is there twice", c.nodes, name)
			}
			have[name], have[line] = true, true
		}
		for _, line := range c.want {
			if !have[line] {
				t.Errorf("%d nodes: no line %q", c.nodes, line)
			}
		}
	}
}

// view is metadata of brokers 1 to 3, of the topic of commits in full sync and
// of one partition of another topic.
func view(leader int32, inSync ...int32) *kmsg.MetadataResponse {
	meta := kmsg.NewPtrMetadataResponse()
	for id := range int32(3) {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = id+1, "127.0.0.1", 20001+id
		meta.Brokers = append(meta.Brokers, b)
	}
	add := func(name string, leader int32, inSync ...int32) {
		topic, p := kmsg.NewMetadataResponseTopic(), kmsg.NewMetadataResponseTopicPartition()
		p.Leader, p.Replicas, p.ISR = leader, []int32{1, 2, 3}, inSync
		topic.Topic, topic.Partitions = &name, append(topic.Partitions, p)
		meta.Topics = append(meta.Topics, topic)
	}
	add(offsetsTopic, 1, 1, 2, 3)
	add("t", leader, inSync...)
	return meta
}

func TestLacksReplicas(t *testing.T) {
	young := view(1, 1, 2, 3)
	young.Topics = young.Topics[1:]
	failing := view(1, 1, 2, 3)
	failing.Topics[1].ErrorCode = 3
	for _, c := range []struct {
		name string
		meta *kmsg.MetadataResponse
		want string
	}{
		{"all in sync", view(1, 2, 3, 1), ""},
		{"a replica behind", view(1, 1, 3), "t/0 has [1 3] in sync of [1 2 3]"},
		{"no leader", view(-1, 1, 2, 3), "t/0 has no leader"},
		{"no topic of commits", young, "__consumer_offsets does not exist"},
		{"a topic in error", failing, "topic t has error"},
	} {
		err := lacksReplicas(c.meta)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLacksNodes(t *testing.T) {
	c := &cluster{nodes: []*node{{id: 1, port: 20001}, {id: 2, port: 20002}, {id: 3, port: 20003}}}
	if err := c.lacksNodes(view(1)); err != nil {
		t.Error(err)
	}
	without := view(1)
	without.Brokers = without.Brokers[:2]
	if err := c.lacksNodes(without); err == nil || !strings.Contains(err.Error(), "node 3 is not registered") {
		t.Errorf("got %v", err)
	}
	c.nodes[0].port = 1
	if err := c.lacksNodes(view(1)); err == nil || !strings.Contains(err.Error(), "node 1 is not registered at 127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestFreePorts(t *testing.T) {
	ports, err := freePorts(20, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range ports {
		if seen[p] || p < firstPort || p > lastPort {
			t.Errorf("port %d twice or out of range", p)
		}
		seen[p] = true
	}
	// The same source offers the same port first: it must see that it is taken.
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	again, err := freePorts(1, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if again[0] == ports[0] {
		t.Errorf("port %d is given out while it is taken", again[0])
	}
}

func TestUntil(t *testing.T) {
	t.Run("ends with the first success", func(t *testing.T) {
		calls := 0
		err := retryUntil(t.Context(), func(context.Context) error {
			if calls++; calls < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || calls != 3 {
			t.Errorf("%v after %d calls", err, calls)
		}
	})
	t.Run("ends with a final error", func(t *testing.T) {
		dead, calls := errors.New("dead"), 0
		err := retryUntil(t.Context(), func(context.Context) error {
			calls++
			return fmt.Errorf("node: %w", permanentError{dead})
		})
		if !errors.Is(err, dead) || calls != 1 || !strings.HasPrefix(err.Error(), "node: ") {
			t.Errorf("%v after %d calls", err, calls)
		}
	})
	t.Run("says why it gave up and what was wrong", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		late, wrong, calls := errors.New("too late"), errors.New("node 2 is missing"), 0
		err := retryUntil(ctx, func(ctx context.Context) error {
			if calls++; calls == 1 {
				return wrong
			}
			cancel(late)
			return ctx.Err() // as a request cut short would
		})
		if !errors.Is(err, late) || !errors.Is(err, wrong) || strings.Contains(err.Error(), "canceled") {
			t.Errorf("got %v", err)
		}
	})
}
