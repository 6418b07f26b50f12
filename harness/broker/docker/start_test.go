package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/stampede-bench/stampede/harness"
)

// TestGroupsGetTheSessionOfTheSpec compares the session of the spec with the one
// that the broker tells a KIP-848 member. Another session needs a new cluster.
func TestGroupsGetTheSessionOfTheSpec(t *testing.T) {
	b := prepared(t)
	var addrs []string
	for _, spec := range []harness.ClusterSpec{
		{Nodes: 1, Session: 3 * time.Second, Heartbeat: 500 * time.Millisecond},
		{Nodes: 1, Session: time.Second, Heartbeat: 200 * time.Millisecond},
	} {
		c := started(t, b, spec)
		addrs = append(addrs, c.Seeds()...)
		configs, err := kadm.NewClient(kafka(t, c)).DescribeBrokerConfigs(t.Context(), c.Nodes()[0].ID())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, config := range configs[0].Configs {
			got[config.Key] = config.MaybeValue()
		}
		for name, want := range map[string]time.Duration{
			"group.consumer.session.timeout.ms":    spec.Session,
			"group.consumer.heartbeat.interval.ms": spec.Heartbeat,
		} {
			if got[name] != strconv.FormatInt(want.Milliseconds(), 10) {
				t.Errorf("%s is %s, want %v", name, got[name], want)
			}
		}
	}
	if addrs[0] == addrs[1] {
		t.Errorf("the cluster of other sessions was reused at %s", addrs[0])
	}
}

func TestMissingImageIsAnError(t *testing.T) {
	b := prepared(t)
	const missing = "127.0.0.1:1/no/kafka:1"
	b.SetImage(missing)
	_, err := b.Start(t.Context(), harness.ClusterSpec{Nodes: 1})
	if err == nil {
		t.Fatal("started")
	}
	for _, want := range []string{missing, "and cannot pull it", "make kafka-image", "-kafka-image", imageEnv} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

// TestFailedNodeIsReportedWithItsLog runs an image without Kafka's jars.
func TestFailedNodeIsReportedWithItsLog(t *testing.T) {
	b := prepared(t)
	b.SetImage(withoutJars(t, b.engine, b.resolved))
	_, err := b.Start(t.Context(), harness.ClusterSpec{Nodes: 1})
	if err == nil {
		t.Fatal("started")
	}
	for _, want := range []string{"node 1", "its last lines", "ClassNotFoundException: kafka.Kafka"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if left := carrying(t, b.owner.name); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// withoutJars is an image of the test's own, made from a good one.
func withoutJars(t *testing.T, engine *testcontainers.DockerClient, image string) string {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("stampede/test-without-jars:%d", os.Getpid())
	created, err := engine.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &container.Config{
		Image: image, User: "0", Entrypoint: []string{"sh", "-c", "rm -r /opt/kafka/libs"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := engine.ContainerRemove(ctx, created.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	done := engine.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := engine.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done.Error:
		t.Fatal(err)
	case <-done.Result:
	}
	if _, err := engine.ContainerCommit(ctx, created.ID, client.ContainerCommitOptions{Reference: name}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := engine.ImageRemove(ctx, name, client.ImageRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// TestTakenPortIsReplaced takes a node's port before the first start, where the
// node gets another one, and while it is down, where it waits.
func TestTakenPortIsReplaced(t *testing.T) {
	b := prepared(t)
	c := started(t, b, harness.ClusterSpec{Nodes: 1})
	n := b.kept.nodes[0]
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()

	nw, err := newNetwork(t.Context(), b.kept.labels)
	if err != nil {
		t.Fatal(err)
	}
	other := &node{id: 1, port: held.Addr().(*net.TCPAddr).Port, engine: b.engine}
	if err := b.kept.runNode(t.Context(), other, b.resolved, nw, newRand()); err != nil {
		t.Fatal(err)
	}
	if other.addr() == held.Addr().String() {
		t.Errorf("runs on %s, which is taken", other.addr())
	}
	if err := other.removeContainer(t.Context()); err != nil {
		t.Fatal(err)
	}

	if err := n.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held, err = net.Listen("tcp", c.Seeds()[0]); err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	late := errors.New("test gave up")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*pollEvery, late)
	defer cancel()
	if err := n.Start(ctx); !errors.Is(err, late) || !portTaken(err) {
		t.Errorf("started on a port that is taken: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Error(err)
	}
}
