package embedded_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
)

func TestBackendIsRegistered(t *testing.T) {
	b, err := harness.FindBackend("embedded")
	if err != nil {
		t.Fatal(err)
	}
	d, ok := b.(harness.Describer)
	if !ok || !d.Modelled() || d.Describe() != "kfake, 3 nodes in this process" {
		t.Errorf("%v describes itself as %v", b, d)
	}
}

func TestStartRefusesBadSpecs(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, tc := range []struct {
		name string
		spec harness.ClusterSpec
		want string
	}{
		{"negative nodes", harness.ClusterSpec{Nodes: -1}, "-1 nodes: want 1 to 64"},
		{"too many nodes", harness.ClusterSpec{Nodes: 65}, "65 nodes"},
		{"negative session", harness.ClusterSpec{Session: -time.Second}, "session timeout -1s: want whole milliseconds"},
		{"session too fine", harness.ClusterSpec{Session: time.Microsecond}, "session timeout 1µs"},
		{"negative heartbeat", harness.ClusterSpec{Heartbeat: -time.Second}, "heartbeat interval -1s"},
		{"heartbeat past session", harness.ClusterSpec{Session: time.Second, Heartbeat: time.Second}, "less than the session timeout, 1s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := embedded.Backend{}.Start(t.Context(), tc.spec)
			if err == nil {
				c.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want one with %q", err, tc.want)
			}
		})
	}
}

func TestStartFailsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (embedded.Backend{}).Start(ctx, harness.ClusterSpec{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestStartFailsWithoutFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	if _, err := (embedded.Backend{}).Start(t.Context(), harness.ClusterSpec{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that the folder is missing", err)
	}
}

func TestLeadersAreSpreadOverNodes(t *testing.T) {
	c := start(t, 7)
	if nodes, _ := leaders(c); !slices.Equal(nodes, []int32{0, 1, 2, 0, 1, 2, 0}) {
		t.Errorf("leaders %v, want them in turn", nodes)
	}
	if err := c.TopicCreated(t.Context(), "none"); err == nil || !strings.Contains(err.Error(), "no such topic") {
		t.Errorf("a topic that does not exist: error %v", err)
	}
}

func TestLeadersOfAddedPartitionsAreSpreadOverNodes(t *testing.T) {
	c := start(t, 4)
	if _, err := kadm.NewClient(client(t, c)).CreatePartitions(within(t), 6, topic); err != nil {
		t.Fatal(err)
	}
	if err := c.PartitionsAdded(t.Context(), topic, 4); err != nil {
		t.Fatal(err)
	}
	if nodes, _ := leaders(c); !slices.Equal(nodes, []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0}) {
		t.Errorf("leaders %v, want them in turn", nodes)
	}
}

func TestTopicsAreNotCreatedAutomatically(t *testing.T) {
	c := start(t, 1)
	cl := client(t, c, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	if err := cl.ProduceSync(within(t), &kgo.Record{Topic: "other", Value: []byte("x")}).FirstErr(); err == nil {
		t.Error("a record was taken for a topic that nobody created")
	}
}

func TestClosedClusterRefusesCalls(t *testing.T) {
	c := start(t, 3)
	if err := c.Nodes()[1].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, describe := c.DescribeGroups(t.Context(), group)
	_, observe := c.ObserveGroups(group, harness.GroupEvents{})
	for what, err := range map[string]error{
		"kill":     c.Nodes()[0].Kill(t.Context()),
		"start":    c.Nodes()[1].Start(t.Context()),
		"topic":    c.TopicCreated(t.Context(), topic),
		"describe": describe,
		"observe":  observe,
	} {
		if err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s: error %v, want that the cluster is closed", what, err)
		}
	}
}

func TestCloseEndsEverythingInProgress(t *testing.T) {
	c := start(t, 12)
	observed := make(chan harness.Commit, 1<<16)
	if _, err := c.ObserveGroups(group, harness.GroupEvents{Commit: func(commit harness.Commit) { observed <- commit }}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var clients []*kgo.Client
	var running []func()
	for _, id := range []string{"a", "b"} {
		clients = append(clients, member(t, c, id, protocols[1].opts), client(t, c, kgo.DefaultProduceTopic(topic)))
	}
	for _, cl := range clients {
		running = append(running, trickle(ctx, cl))
	}
	eventually(t, "commits are made", func() bool { return len(observed) > 10 })
	killed := make(chan error, 1)
	go func() { killed <- c.Nodes()[0].Kill(ctx) }()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	<-killed // before the cluster closed, or with an error that says so
	cancel()
	for i, wait := range running {
		clients[i].CloseAllowingRebalance() // a record in flight heeds nothing else
		wait()
	}
}

// trickle commits what a member polls, and produces with any other client,
// until ctx ends.
func trickle(ctx context.Context, cl *kgo.Client) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if name, _ := cl.GroupMetadata(); name != "" {
				if f := cl.PollFetches(ctx); f.NumRecords() > 0 {
					cl.CommitRecords(ctx, f.Records()...)
				}
			} else {
				cl.ProduceSync(ctx, kgo.StringRecord("x"))
			}
		}
	}()
	return func() { <-done }
}
