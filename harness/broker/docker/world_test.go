package docker

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
)

// patience is how long a test waits for anything but a start.
const patience = time.Minute

// prepared returns a new back end for one test. Without an engine or an image
// the test is skipped, or fails under STAMPEDE_DOCKER=required.
func prepared(t *testing.T) *backend {
	t.Helper()
	lock.Machine(t)
	b := new(backend)
	t.Cleanup(func() { closed(t, b) })
	if err := b.Preflight(t.Context()); err != nil {
		if os.Getenv("STAMPEDE_DOCKER") == "required" {
			t.Fatalf("STAMPEDE_DOCKER=required, but: %v", err)
		}
		t.Skipf("needs Docker and a Kafka image: %v", err)
	}
	return b
}

// closed closes a back end and checks that it left nothing behind.
func closed(t *testing.T, b *backend) {
	t.Helper()
	mine := ""
	if b.owner != nil {
		mine = b.owner.name
	}
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if mine == "" {
		return
	}
	if left := carrying(t, mine); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// carrying lists the containers and networks of an owner.
func carrying(t *testing.T, owner string) (names []string) {
	t.Helper()
	engine, err := openEngine(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	filter := make(client.Filters).Add("label", labelOwner+"="+owner)
	containers, err := engine.ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: filter})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers.Items {
		names = append(names, "container "+c.ID)
	}
	networks, err := engine.NetworkList(context.Background(), client.NetworkListOptions{Filters: filter})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks.Items {
		names = append(names, "network "+n.Name)
	}
	return names
}

func started(t *testing.T, b *backend, spec harness.ClusterSpec) harness.Cluster {
	t.Helper()
	c, err := b.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func kafka(t *testing.T, c harness.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.Seeds()...),
		kgo.AlwaysRetryEOF(),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func created(t *testing.T, cl *kgo.Client, topic string, partitions int32) {
	t.Helper()
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), partitions, -1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// reached waits until a count is there.
func reached(t *testing.T, what string, n *atomic.Int64, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := retryUntil(ctx, func(context.Context) error {
		if got := n.Load(); got < want {
			return fmt.Errorf("%d of %d %s", got, want, what)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
