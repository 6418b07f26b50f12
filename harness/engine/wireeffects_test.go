package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/lock"
)

// TestFaultsOnTheWireShowAtClients has a client that commits, under each fault.
func TestFaultsOnTheWireShowAtClients(t *testing.T) {
	lock.Machine(t)
	showAtClients(t, embedded.Backend{})
}

// TestFaultsOnTheWireShowAtClientsOfRealKafka is the same on real Kafka.
func TestFaultsOnTheWireShowAtClientsOfRealKafka(t *testing.T) {
	showAtClients(t, realKafka(t))
}

// wireEffect is a fault on the wire of a pod, and what a commit of that pod shows of it.
type wireEffect struct {
	fault   harness.Fault
	answer  string        // answer is what the pod gets: see startCommit. None: no answer before the heal.
	least   time.Duration // least is what the answer takes at least.
	before  bool          // before: the broker has the commit before the heal.
	after   bool          // after: the broker has the commit after the heal.
	repairs bool          // repairs: the connection serves after the heal.
}

// short is how long an answer must be missing, and how late a late one is.
const short = 300 * time.Millisecond

var wireEffects = []wireEffect{
	{fault.SlowNetwork{Delay: short}, "ok", short, true, true, true},
	{fault.SlowNetwork{Delay: short, Of: fault.OneBroker}, "ok", short, true, true, true},
	{fault.ThrottleNetwork{BytesPerSecond: 200}, "ok", short, true, true, true},
	{fault.ResetConnections{Every: 1}, "broken", 0, false, false, false},
	{fault.CutResponses{Every: 1}, "broken", 0, true, true, false},
	{fault.DropResponses{Key: fault.OffsetCommit}, "broken", 0, true, true, false},
	{fault.DelayResponses{Key: fault.OffsetCommit, Delay: short}, "ok", short, true, true, true},
	{fault.HoldRequests{Key: fault.OffsetCommit, OnResponse: true}, "none", 0, true, true, true},
	{fault.HoldRequests{Key: fault.OffsetCommit}, "none", 0, false, true, true},
	{fault.CutNetwork{Of: fault.OnePod}, "none", 0, false, true, true},
	{fault.CutNetwork{Of: fault.OnePod, HalfOpen: true}, "none", 0, false, false, false},
	{fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.RebalanceInProgress}, "REBALANCE_IN_PROGRESS", 0, false, false, true},
	{fault.RefuseRequests{Key: fault.OffsetCommit, Code: fault.IllegalGeneration}, "ILLEGAL_GENERATION", 0, false, false, true},
}

func showAtClients(t *testing.T, backend harness.Backend) {
	cluster, err := backend.Start(t.Context(), harness.ClusterSpec{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	for _, e := range wireEffects {
		t.Run(e.fault.Name(), func(t *testing.T) { e.show(t, cluster) })
	}
}

// show injects the fault into a pod that commits. Another pod is as before, and sees what the
// broker has.
func (e *wireEffect) show(t *testing.T, cluster harness.Cluster) {
	pod, other := newCommitter(t, cluster, "pod-0"), newCommitter(t, cluster, "pod-1")
	pod.mustCommit(t, 1) // it knows the coordinator and has a connection
	other.mustCommit(t, 1)
	env := pod.env(t, cluster)
	heal, err := e.fault.Inject(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	answer, began := pod.startCommit(t, 2), time.Now()
	if err := e.fault.Verify(t.Context(), env); err != nil {
		t.Fatalf("it did not take effect: %v", err)
	}
	got := ""
	if e.answer != "none" {
		got = <-answer
	} else {
		select {
		case got = <-answer:
		case <-time.After(short):
			got = "none"
		}
	}
	if took := time.Since(began); got != e.answer || took < e.least {
		t.Errorf("the commit got %q after %v, want %q after at least %v", got, took, e.answer, e.least)
	}
	if has := other.commitOf(t, pod.group) == 2; has != e.before {
		t.Errorf("the broker has the commit before the heal: %v, want %v", has, e.before)
	}
	other.mustCommit(t, 3)
	if err := heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.answer == "none" && e.repairs {
		if got := <-answer; got != "ok" {
			t.Errorf("after the heal the commit got %q", got)
		}
	}
	if has := other.commitOf(t, pod.group) == 2; has != e.after {
		t.Errorf("the broker has the commit after the heal: %v, want %v", has, e.after)
	}
	if e.repairs {
		pod.mustCommit(t, 4)
	}
}

// committed is the topic of the commits.
const committed = "committed"

// committer is a pod whose client commits for a group of its own, and tries nothing again.
type committer struct {
	harness.Pod
	admin       *kadm.Client
	name, group string
}

func newCommitter(t *testing.T, cluster harness.Cluster, name string) *committer {
	t.Helper()
	seeds := cluster.Seeds()
	if f, ok := cluster.(harness.Fronter); ok {
		front, err := f.OpenFront(t.Context(), name+".1")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { front.Close() })
		seeds = front.Seeds()
	}
	opts := []kgo.Opt{kgo.SeedBrokers(seeds...), kgo.ClientID(name + ".1"), kgo.RequestRetries(0)}
	if d, ok := cluster.(harness.Dialer); ok {
		opts = append(opts, kgo.Dialer(d.Dial))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	admin := kadm.NewClient(cl)
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, committed); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Fatal(err)
	}
	return &committer{admin: admin, name: name, group: t.Name() + name}
}

func (c *committer) Name() string { return c.name }

// Owners implements [harness.GroupView].
func (c *committer) Owners() []string { return []string{c.name} }

// leader is a log whose only partition has a leader.
type leader int32

func (leader) Appended() []int64                          { return []int64{1} }
func (l leader) Leaders(context.Context) ([]int32, error) { return []int32{int32(l)}, nil }

// env has the pod alone, and a log whose leader is the coordinator of the pod's group.
func (c *committer) env(t *testing.T, cluster harness.Cluster) *harness.Env {
	found := c.admin.FindGroupCoordinators(t.Context(), c.group)[c.group]
	if found.Err != nil {
		t.Fatal(found.Err)
	}
	return &harness.Env{
		Cluster: cluster, Pods: []harness.Pod{c}, Group: c, Log: leader(found.NodeID), Rand: rand.New(rand.NewPCG(1, 1)),
	}
}

// startCommit commits an offset, and returns a channel for the answer: ok, broken for an end
// of the connection, or the name of an error code.
func (c *committer) startCommit(t *testing.T, at int64) <-chan string {
	answer := make(chan string, 1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	go func() {
		var offsets kadm.Offsets
		offsets.AddOffset(committed, 0, at, -1)
		got, err := c.admin.CommitOffsets(ctx, c.group, offsets)
		var refused *kerr.Error
		switch {
		case err == nil && got.Error() == nil:
			answer <- "ok"
		case errors.As(got.Error(), &refused):
			answer <- refused.Message
		default:
			answer <- "broken"
		}
	}()
	return answer
}

func (c *committer) mustCommit(t *testing.T, at int64) {
	t.Helper()
	until(t, "a commit is answered", func() bool { return <-c.startCommit(t, at) == "ok" })
}

// commitOf is what a group has committed, or 0.
func (c *committer) commitOf(t *testing.T, group string) int64 {
	t.Helper()
	offsets, err := c.admin.FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := offsets.Lookup(committed, 0)
	return o.At
}
