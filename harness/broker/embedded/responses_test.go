package embedded_test

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/embedded"
)

// failures counts the requests of one kind that a client got no answer to.
type failures struct {
	key    kmsg.Key
	failed atomic.Int64
}

func (f *failures) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key == int16(f.key) && e2e.Err() != nil {
		f.failed.Add(1)
	}
}

// lostCommits is the rule that drops responses to commits.
func lostCommits(client string, limit int) harness.Rule {
	return harness.Rule{Key: int16(kmsg.OffsetCommit), Client: client, OnResponse: true, Limit: limit, Then: harness.WireReset}
}

// committed is what a group has committed of partition 0.
func committed(c *embedded.Cluster, group string) int64 {
	info := c.Kfake().GroupInfo(group)
	if info == nil {
		return -1
	}
	return info.Commits[topic][0].Offset
}

// TestDropsResponsesToCommits drops the responses to commits. The commits take
// effect, the client sees its connection break, and it repeats them until a
// response arrives.
func TestDropsResponsesToCommits(t *testing.T) {
	c := start(t, 1)
	for range 20 {
		if err := client(t, c).ProduceSync(within(t), &kgo.Record{Topic: topic}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	lost, others := &failures{key: kmsg.OffsetCommit}, &failures{key: kmsg.OffsetCommit}
	cl := member(t, c, "pod-1.1", protocols[1].opts, kgo.WithHooks(lost))
	other := kadm.NewClient(client(t, c, kgo.ClientID("pod-10.1"), kgo.WithHooks(others)))
	stop, err := c.ApplyRule(lostCommits("pod-1.", 2))
	if err != nil {
		t.Fatal(err)
	}
	read := int64(0)
	for read < 20 {
		f := cl.PollFetches(within(t))
		if err := f.Err0(); err != nil {
			t.Fatal(err)
		}
		read += int64(f.NumRecords())
	}
	if err := cl.CommitUncommittedOffsets(within(t)); err != nil {
		t.Fatalf("the client gave up: %v", err)
	}
	if at := committed(c, group); at != 20 {
		t.Errorf("committed %d, want 20", at)
	}
	if n := lost.failed.Load(); n != 2 {
		t.Errorf("the client got no answer to %d of its commits, want 2", n)
	}
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 7, -1)
	if _, err := other.CommitOffsets(within(t), "others", offsets); err != nil || others.failed.Load() > 0 {
		t.Errorf("a client of another name: error %v, %d answers lost", err, others.failed.Load())
	}
	if n := stop(); n != 2 {
		t.Errorf("%d answers lost, want 2", n)
	}
}

// TestDroppedResponseBelongsToAHandledRequest uses a client that does not repeat
// its request. The commit must take effect before the connection breaks.
func TestDroppedResponseBelongsToAHandledRequest(t *testing.T) {
	c := start(t, 1)
	stop, err := c.ApplyRule(lostCommits("pod-", 0))
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Seeds()...), kgo.ClientID("pod-1.1"), kgo.RequestRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	for at := int64(1); at <= 5; at++ {
		var offsets kadm.Offsets
		offsets.AddOffset(topic, 0, at, -1)
		if _, err := admin.CommitOffsets(within(t), group, offsets); err == nil {
			t.Fatalf("commit %d got an answer", at)
		}
		if got := committed(c, group); got != at {
			t.Fatalf("committed %d, want %d", got, at)
		}
	}
	if n := stop(); n != 5 {
		t.Errorf("%d answers lost, want 5", n)
	}
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 9, -1)
	if _, err := admin.CommitOffsets(within(t), group, offsets); err != nil || committed(c, group) != 9 {
		t.Errorf("after the loss: error %v, committed %d", err, committed(c, group))
	}
}

func TestRulesRefuseBadCalls(t *testing.T) {
	c := start(t, 1)
	if _, err := c.ApplyRule(lostCommits("", -1)); err == nil {
		t.Error("a limit below zero is taken")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ApplyRule(lostCommits("", 0)); err == nil {
		t.Error("a closed cluster loses answers")
	}
}
