package embedded_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/lock"
)

const (
	topic = "source"
	group = "consumers"

	// patience bounds every wait of a test: reached only when it fails.
	patience = time.Minute
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// start brings up a cluster with a topic on it, and checks after the test that
// Close left neither a goroutine nor a file, on disk or open.
func start(t *testing.T, partitions int) *embedded.Cluster {
	t.Helper()
	lock.Machine(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	before := inUse()
	started, err := embedded.Backend{}.Start(within(t), harness.ClusterSpec{Session: 6 * time.Second, Heartbeat: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	c := started.(*embedded.Cluster)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		leftovers(t, temp, before)
	})
	createTopic(t, c, partitions)
	return c
}

// resources are what a process has in use.
type resources struct{ goroutines, files int }

func inUse() resources {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		open = nil // not on this system
	}
	return resources{runtime.NumGoroutine(), len(open)}
}

func leftovers(t *testing.T, temp string, before resources) {
	t.Helper()
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left in the temporary folder", entry.Name())
	}
	now := inUse()
	for deadline := time.Now().Add(patience); now.goroutines > before.goroutines || now.files > before.files; now = inUse() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%+v are left, there were %+v:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}

func createTopic(t *testing.T, c *embedded.Cluster, partitions int) {
	t.Helper()
	ctx := within(t)
	admin := kadm.NewClient(client(t, c))
	if _, err := admin.CreateTopic(ctx, int32(partitions), -1, nil, topic); err != nil {
		t.Fatal(err)
	}
	if err := c.TopicCreated(ctx, topic); err != nil {
		t.Fatal(err)
	}
}

// client is a client with the settings that make failover quick. It is closed
// before the cluster is.
func client(t *testing.T, c *embedded.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.Seeds()...),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.AlwaysRetryEOF(),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.CloseAllowingRebalance)
	return cl
}

// protocols are the options that join a group by each protocol.
var protocols = []struct {
	name string
	opts []kgo.Opt
}{
	{"eager", []kgo.Opt{kgo.Balancers(kgo.RangeBalancer())}},
	{"cooperative", []kgo.Opt{kgo.Balancers(kgo.CooperativeStickyBalancer())}},
	{"848", []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())}},
}

// member is a client in the group, by a client id of its own.
func member(t *testing.T, c *embedded.Cluster, id string, protocol []kgo.Opt, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	return client(t, c, append(append([]kgo.Opt{
		kgo.ClientID(id),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6 * time.Second),
		kgo.HeartbeatInterval(200 * time.Millisecond),
	}, protocol...), opts...)...)
}

func leaders(c *embedded.Cluster) (nodes, epochs []int32) {
	for _, p := range c.Kfake().PartitionInfos(topic) {
		nodes, epochs = append(nodes, p.Leader), append(epochs, p.Epoch)
	}
	return nodes, epochs
}
