package docker

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
)

// TestPublishedPortServesWhereNoContainerIsReached: the address of a container cannot be dialed, as
// where the engine is in a virtual machine. Fronts then use the published port, and the broker line of the
// result says so.
func TestPublishedPortServesWhereNoContainerIsReached(t *testing.T) {
	b := prepared(t)
	spec := harness.ClusterSpec{Nodes: 1}
	started(t, b, spec)
	const ordinary, instead = "to fronts before the containers' addresses", "to fronts before the published ports"
	if line := b.Describe(); !strings.Contains(line, ordinary) {
		t.Errorf("the broker line is %q, want %q", line, ordinary)
	}
	n := b.kept.nodes[0]
	n.reach.ControlContext = func(context.Context, string, string, syscall.RawConn) error { return syscall.EHOSTUNREACH }
	if err := n.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := started(t, b, spec)
	if line := b.Describe(); !strings.Contains(line, instead) {
		t.Errorf("the broker line is %q, want %q", line, instead)
	}
	front, err := c.(harness.Fronter).OpenFront(t.Context(), "pod-1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(front.Seeds()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	created(t, cl, "published", 1)
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "published"}).FirstErr(); err != nil {
		t.Errorf("a pod behind the front: %v", err)
	}
}
