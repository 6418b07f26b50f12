package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness/broker/embedded"
)

// TestKillUnderLoadLosesNoRecord kills and restarts each node in turn under a steady load,
// with a client that would rewind at the first sign of a log cut short.
func TestKillUnderLoadLosesNoRecord(t *testing.T) {
	c := start(t, 12)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var load load
	wait := load.run(ctx, client(t, c, kgo.DefaultProduceTopic(topic)))
	var seen reader
	stop := seen.run(ctx, member(t, c, "pod-1.1", protocols[1].opts))

	more := func() {
		acked, read := load.acked.Load(), seen.count.Load()
		eventually(t, "more records are acknowledged and read", func() bool {
			return load.acked.Load() >= acked+300 && seen.count.Load() >= read+300
		})
	}
	more()
	for _, n := range c.Nodes() {
		if err := n.Kill(ctx); err != nil {
			t.Fatal(err)
		}
		more()
		if err := n.Start(ctx); err != nil {
			t.Fatal(err)
		}
		more()
	}
	load.end.Store(true)
	wait()
	eventually(t, "all is read", func() bool { return seen.count.Load() >= load.acked.Load() })
	cancel()
	stop()

	if err := load.failed.Load(); err != nil {
		t.Errorf("a record failed: %v", *err)
	}
	for _, rewind := range seen.rewinds {
		t.Error(rewind)
	}
	checkLog(t, c, int(load.acked.Load()))
}

// load produces numbered records at a steady trickle until end is set.
type load struct {
	acked  atomic.Int64
	end    atomic.Bool
	failed atomic.Pointer[error]
}

func (l *load) run(ctx context.Context, cl *kgo.Client) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; !l.end.Load() && ctx.Err() == nil; i++ {
			<-tick.C
			r := kgo.KeyStringRecord(fmt.Sprint(i%100), fmt.Sprint(i))
			cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
				if err != nil {
					l.failed.Store(&err)
					return
				}
				l.acked.Add(1)
			})
		}
		cl.Flush(ctx)
	}()
	return func() { <-done }
}

// reader polls, commits, and notes every offset that does not rise.
type reader struct {
	count   atomic.Int64
	rewinds []string
}

func (r *reader) run(ctx context.Context, cl *kgo.Client) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := map[int32]int64{}
		for ctx.Err() == nil {
			fetches := cl.PollFetches(ctx)
			fetches.EachRecord(func(rec *kgo.Record) {
				if before, ok := last[rec.Partition]; ok && rec.Offset <= before {
					r.rewinds = append(r.rewinds, fmt.Sprintf("partition %d: offset %d after %d", rec.Partition, rec.Offset, before))
				}
				last[rec.Partition] = rec.Offset
				r.count.Add(1)
			})
			cl.CommitUncommittedOffsets(ctx)
		}
	}()
	return func() { <-done }
}

// checkLog reads the log afresh: it must have each of n records once.
func checkLog(t *testing.T, c *embedded.Cluster, n int) {
	t.Helper()
	cl := client(t, c, kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	var end int64
	for _, p := range c.Kfake().PartitionInfos(topic) {
		end += p.HighWatermark
	}
	copies := map[string]int{}
	for read := int64(0); read < end; {
		fetches := cl.PollFetches(within(t))
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { copies[string(r.Value)]++; read++ })
	}
	if len(copies) != n || end != int64(n) {
		t.Errorf("%d records were acknowledged; the log has %d, %d of them distinct", n, end, len(copies))
	}
}

func TestKillMovesOnlyTheNodesPartitions(t *testing.T) {
	c := start(t, 12)
	before, epochs := leaders(c)
	victim := c.Nodes()[1]
	if err := victim.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	during, moved := leaders(c)
	led := map[int32]int{}
	for p, leader := range during {
		switch {
		case before[p] == victim.ID():
			led[leader]++
		case leader != before[p] || moved[p] != epochs[p]:
			t.Errorf("partition %d moved from %d to %d, epoch %d to %d", p, before[p], leader, epochs[p], moved[p])
		}
	}
	if led[0] != 2 || led[2] != 2 {
		t.Errorf("the dead node's four partitions went to %v, want two to each of 0 and 2", led)
	}
	if err := victim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, _ := leaders(c); !slices.Equal(after, before) {
		t.Errorf("leaders after the start %v, want %v", after, before)
	}
}

func TestKillCutsConnections(t *testing.T) {
	c := start(t, 3)
	addr := c.Seeds()[0]
	var open []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		open = append(open, conn)
	}
	other, err := net.Dial("tcp", c.Seeds()[1])
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := c.Nodes()[0].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, conn := range open {
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read on a connection to the dead node: %v, want a reset", err)
		}
	}
	if conn, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial of the dead node: %v %v, want refused", conn, err)
	}
	other.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := other.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read on a connection to a living node: %v, want it open", err)
	}
	if err := c.Nodes()[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("dial of the started node: %v", err)
	}
	conn.Close()
}

func TestSecondKillFails(t *testing.T) {
	c := start(t, 3)
	n := c.Nodes()[2]
	if err := n.Start(t.Context()); err == nil || err.Error() != "start broker 2: it is running" {
		t.Errorf("start of a living node: %v", err)
	}
	if err := n.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Kill(t.Context()); err == nil || err.Error() != "kill broker 2: it is dead already" {
		t.Errorf("kill of a dead node: %v", err)
	}
}

func TestCancelledKillStillElects(t *testing.T) {
	c := start(t, 6)
	ctx, cancel := context.WithCancel(t.Context())
	addr := c.Seeds()[0]
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				cancel()
				return
			}
			conn.Close()
		}
	})
	err := c.Nodes()[0].Kill(ctx)
	watch.Wait()
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "kill broker 0") {
		t.Errorf("error %v, want the context's", err)
	}
	if nodes, _ := leaders(c); slices.Contains(nodes, 0) {
		t.Errorf("leaders %v: the dead node is among them", nodes)
	}
	if err := c.Nodes()[0].Kill(t.Context()); err == nil {
		t.Error("the node can be killed again")
	}
}

func TestAllNodesCanDieAndComeBack(t *testing.T) {
	c := start(t, 6)
	before, _ := leaders(c)
	for _, n := range c.Nodes() {
		if err := n.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.TopicCreated(t.Context(), topic); err == nil {
		t.Error("leaders were spread over no living node")
	}
	if err := c.Nodes()[1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if nodes, _ := leaders(c); !slices.Equal(nodes, []int32{1, 1, 1, 1, 1, 1}) {
		t.Errorf("leaders %v, want the only living node everywhere", nodes)
	}
	for _, i := range []int{0, 2} {
		if err := c.Nodes()[i].Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := client(t, c).ProduceSync(within(t), &kgo.Record{Topic: topic}).FirstErr(); err != nil {
		t.Error(err)
	}
	if err := c.TopicCreated(t.Context(), topic); err != nil {
		t.Error(err)
	}
	if after, _ := leaders(c); !slices.Equal(after, before) {
		t.Errorf("leaders %v, want %v", after, before)
	}
}

// TestCoordinatorsAvoidDeadNodes asks for the coordinators of names known
// before the kill and of names that come up while the node is dead.
func TestCoordinatorsAvoidDeadNodes(t *testing.T) {
	c := start(t, 1)
	cl := client(t, c)
	find := func(kind int8, name string) int32 {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType, req.CoordinatorKeys, req.CoordinatorKey = kind, []string{name}, name
		resp, err := req.RequestWith(within(t), cl)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Coordinators[0].NodeID
	}
	const groups, transactions, dead = 0, 1, 0
	// Names that differ early are hashed apart.
	name := func(i int, kind string) string { return fmt.Sprintf("%d-%s", i, kind) }
	for i := range 2 {
		find(groups, name(i, "group"))
		find(transactions, name(i, "transaction"))
	}
	if err := c.Nodes()[dead].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		if find(groups, name(i, "group")) == dead || find(transactions, name(i, "transaction")) == dead {
			t.Errorf("the dead node coordinates the group or the transaction of %d", i)
		}
	}
	if err := c.Nodes()[dead].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}
