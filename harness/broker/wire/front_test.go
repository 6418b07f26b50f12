package wire_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/broker/wire"
)

const topic = "t"

// cluster is a kfake of three nodes with a topic of six partitions.
func cluster(t *testing.T) *kfake.Cluster {
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(6, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// front opens a front before a cluster.
func front(t *testing.T, c *kfake.Cluster, line wire.Line) *wire.Front {
	var brokers []wire.Broker
	for id, addr := range c.ListenAddrs() {
		brokers = append(brokers, wire.Broker{ID: int32(id), Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}})
	}
	f, err := wire.OpenFront(brokers, line)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// line observes no exchange.
func line() wire.Line {
	return wire.Line{Now: func() int64 { return time.Now().UnixNano() }, Rules: new(wire.Rules), Observer: wire.Observer{Wants: func(int16) bool { return false }}}
}

// client dials the front and no other address.
func client(t *testing.T, f *wire.Front, opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(f.Seeds()...), kgo.DefaultProduceTopic(topic), kgo.MetadataMinAge(10 * time.Millisecond),
		kgo.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			if !slices.Contains(f.Seeds(), addr) {
				t.Errorf("the client dials %s, around its front", addr)
				return nil, errors.New("this address is not a front")
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestClientsMeetOnlyTheirFront has a transactional producer and a consumer group work
// through a front, while leaders move. The clients then learn addresses of brokers from
// responses of all kinds.
func TestClientsMeetOnlyTheirFront(t *testing.T) {
	c := cluster(t)
	f := front(t, c, line())
	producer := client(t, f, kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	consumer := client(t, f, kgo.ConsumeTopics(topic), kgo.ConsumerGroup("g"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(100*time.Millisecond))
	read := map[string]bool{}
	for round := range 12 {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for n := range 50 {
			producer.Produce(within(t), &kgo.Record{Key: fmt.Append(nil, round, n), Value: make([]byte, 4000)}, nil)
		}
		if err := producer.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := producer.EndTransaction(within(t), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		for len(read) < 50*(round+1) {
			fetches := consumer.PollFetches(within(t))
			for _, e := range fetches.Errors() {
				if lost := new(kgo.ErrDataLoss); !errors.As(e.Err, &lost) { // kfake moves leaders without an epoch
					t.Fatal(e.Err)
				}
			}
			fetches.EachRecord(func(r *kgo.Record) { read[string(r.Key)] = true })
		}
		if err := consumer.CommitUncommittedOffsets(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := c.MoveTopicPartition(topic, int32(round%6), int32(round%3)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := kadm.NewClient(consumer).BrokerMetadata(within(t)); err != nil {
		t.Fatal(err)
	}
}

// TestFrontTellsIncarnationsApart has two clients with the same client id and no more. Each
// has a front of its own.
func TestFrontTellsIncarnationsApart(t *testing.T) {
	c := cluster(t)
	var mu sync.Mutex
	seen := map[string][]int32{} // partitions committed, by front
	open := func(name string) *wire.Front {
		l := line()
		l.Observer.Wants = func(key int16) bool { return kmsg.Key(key) == kmsg.OffsetCommit }
		l.Observer.OnExchange = func(x *wire.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			if resp, ok := x.Response.(*kmsg.OffsetCommitResponse); ok && x.AnsweredAt >= x.At {
				seen[name] = append(seen[name], resp.Topics[0].Partitions[0].Partition)
			}
		}
		return front(t, c, l)
	}
	for partition, name := range []string{"first", "second"} {
		admin := kadm.NewClient(client(t, open(name), kgo.ClientID("same")))
		var offsets kadm.Offsets
		offsets.AddOffset(topic, int32(partition), 7, -1)
		if err := admin.CommitAllOffsets(within(t), "g", offsets); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got, want := fmt.Sprint(seen), "map[first:[0] second:[1]]"; got != want {
		t.Errorf("commits %s, want %s", got, want)
	}
}

// TestFrontRefusesWhileItsBrokerIsDown: a client is refused, not accepted and then reset.
func TestFrontRefusesWhileItsBrokerIsDown(t *testing.T) {
	c := cluster(t)
	f := front(t, c, line())
	cl := client(t, f)
	if err := cl.ProduceSync(within(t), &kgo.Record{Partition: 0}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for id, addr := range f.Seeds() {
		f.TakeDown(int32(id))
		f.TakeDown(int32(id))
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("the front of broker %d accepts while it is down", id)
		}
	}
	for id := range f.Seeds() {
		if err := f.BringUp(within(t), int32(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := cl.ProduceSync(within(t), &kgo.Record{}).FirstErr(); err != nil {
		t.Errorf("after the broker is back: %v", err)
	}
}

// TestFrontRefusesOnceItsBrokerIsGone: a broker ends by itself. The front accepts one connection
// that it cannot serve, and then refuses until the broker is back, here at another address.
func TestFrontRefusesOnceItsBrokerIsGone(t *testing.T) {
	for _, gone := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH} {
		t.Run(gone.Error(), func(t *testing.T) { refusesWhileGone(t, gone) })
	}
}

func refusesWhileGone(t *testing.T, gone error) {
	var address atomic.Pointer[string]
	f, err := wire.OpenFront([]wire.Broker{{ID: 7, Dial: func(ctx context.Context) (net.Conn, error) {
		if addr := address.Load(); addr != nil {
			return new(net.Dialer).DialContext(ctx, "tcp", *addr)
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", gone)}
	}}}, line())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx := within(t)
	connect := func() (served bool) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", f.Seeds()[0])
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	for connect() {
		if ctx.Err() != nil {
			t.Fatal("the front accepts connections to a broker that is gone")
		}
		time.Sleep(time.Millisecond)
	}
	back, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	addr := back.Addr().String()
	address.Store(&addr)
	for !connect() {
		if ctx.Err() != nil {
			t.Fatal("the front refuses connections to a broker that is back")
		}
		time.Sleep(time.Millisecond)
	}
	if conn, err := back.Accept(); err != nil {
		t.Errorf("no connection reaches the broker at its new address: %v", err)
	} else {
		conn.Close()
	}
}

// TestFrontStaysShutWhileItsBrokerIsDownOnPurpose: the broker would answer, but the harness has
// said that it is down.
func TestFrontStaysShutWhileItsBrokerIsDownOnPurpose(t *testing.T) {
	var gone atomic.Bool
	gone.Store(true)
	dialed := make(chan struct{}, 100)
	f, err := wire.OpenFront([]wire.Broker{{ID: 7, Dial: func(context.Context) (net.Conn, error) {
		select {
		case dialed <- struct{}{}:
		default:
		}
		if gone.Load() {
			return nil, syscall.ECONNREFUSED
		}
		a, b := net.Pipe()
		b.Close()
		return a, nil
	}}}, line())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if conn, err := net.Dial("tcp", f.Seeds()[0]); err == nil {
		conn.Close()
	}
	ctx := within(t)
	for range 2 { // for the connection, and as the front looks for the broker
		select {
		case <-dialed:
		case <-ctx.Done():
			t.Fatal("the front does not look for its broker")
		}
	}
	f.TakeDown(7)
	gone.Store(false)
	time.Sleep(300 * time.Millisecond) // three more looks, if it were to look on
	if conn, err := net.Dial("tcp", f.Seeds()[0]); err == nil {
		conn.Close()
		t.Error("the front accepts connections, and its broker is down on purpose")
	}
	if err := f.BringUp(within(t), 7); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", f.Seeds()[0])
	if err != nil {
		t.Fatalf("after the broker is back: %v", err)
	}
	conn.Close()
}

// TestSeedConnectionKnowsItsBroker asks each seed before the client knows any broker.
func TestSeedConnectionKnowsItsBroker(t *testing.T) {
	var mu sync.Mutex
	seen := map[int32]bool{}
	l := line()
	l.Observer.Wants = func(key int16) bool { return kmsg.Key(key) == kmsg.Metadata }
	l.Observer.OnExchange = func(x *wire.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		seen[x.Node] = true
	}
	f := front(t, cluster(t), l)
	cl := client(t, f)
	for id, seed := range cl.SeedBrokers() {
		if _, err := seed.Request(within(t), kmsg.NewPtrMetadataRequest()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if !seen[int32(id)] {
			t.Errorf("after a request to seed %d: requests to brokers %v", id, seen)
		}
		mu.Unlock()
	}
}

// TestClosedFrontLetsNoHeldCommitThrough holds a commit and closes the front, as when its
// process was killed. The broker never gets the commit.
func TestClosedFrontLetsNoHeldCommitThrough(t *testing.T) {
	c := cluster(t)
	l := line()
	f := front(t, c, l)
	reached, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stop, err := l.Rules.Apply(harness.Rule{
		Key: int16(kmsg.OffsetCommit), Reached: func() { once.Do(func() { close(reached) }) }, Hold: hold,
	})
	if err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 7, -1)
	admin := kadm.NewClient(client(t, f))
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var failed atomic.Bool
	committing := make(chan struct{})
	go func() {
		defer close(committing)
		failed.Store(admin.CommitAllOffsets(ctx, "g", offsets) != nil)
	}()
	<-reached
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	close(hold)
	cancel()
	<-committing
	if n := stop(); n == 0 || !failed.Load() {
		t.Errorf("%d commits were held; the commit failed: %v", n, failed.Load())
	}
	if info := c.GroupInfo("g"); info != nil && len(info.Commits) > 0 {
		t.Errorf("the broker has the commit of a dead client: %v", info.Commits)
	}
}
