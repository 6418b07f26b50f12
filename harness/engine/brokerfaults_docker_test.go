package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/fault"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/observe"
)

// actsOnNodes reports whether a fault acts on brokers themselves, not on what they send.
func actsOnNodes(k fault.Known) bool {
	return k.Removes == fault.ABroker && !strings.Contains(k.By, "rules on the wire")
}

// quickFaults need no restart of a node.
var quickFaults = []string{"isolate broker from clients", "isolate broker from peers", "move leaders", "pause broker", "slow down broker"}

// TestEachFaultOfBrokersTakesEffectOnRealKafka injects, verifies and heals each fault of
// brokers on one cluster, and waits in between until all brokers answer and all replicas are in
// sync. No pod runs, so a fault costs what its broker needs. Without STAMPEDE_FAULTS it takes
// those that take seconds.
func TestEachFaultOfBrokersTakesEffectOnRealKafka(t *testing.T) {
	backend := realKafka(t)
	cluster, err := backend.Start(t.Context(), harness.ClusterSpec{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range fault.All() {
		if !actsOnNodes(k) || os.Getenv("STAMPEDE_FAULTS") == "" && !slices.Contains(quickFaults, k.Fault.Name()) {
			continue
		}
		t.Run(k.Fault.Name(), func(t *testing.T) {
			if err := k.CheckSupport(cluster); err != nil {
				t.Skip(err)
			}
			injectOnNodes(t, cluster, k)
			if err := cluster.(harness.NodeChecker).CheckNodes(t.Context()); err != nil {
				t.Fatalf("the fault counts as a loss: %v", err)
			}
		})
		if t.Failed() {
			return
		}
	}
}

func injectOnNodes(t *testing.T, cluster harness.Cluster, k fault.Known) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	log := newLiveLog(t, cluster, k)
	whole := log.awaitWhole(ctx, nil)
	env := &harness.Env{Cluster: cluster, Log: log, Brokers: log.Client, Topics: elections{log.Client}, Topic: log.Topic, GroupName: log.Group, Rand: rand.New(rand.NewPCG(1, 1))}
	heal, err := k.Fault.Inject(ctx, env)
	if err == nil {
		err = k.Fault.Verify(ctx, env)
	}
	if err != nil {
		t.Errorf("%s of %s: %v", k.Fault.Name(), env.Target.Name, err)
	}
	if heal != nil {
		if err := heal(context.WithoutCancel(ctx)); err != nil {
			t.Fatalf("heal: %v", err)
		}
	}
	log.awaitWhole(ctx, whole)
}

// elections find where the log of a client's topic was cut off. It has no other ability.
type elections struct{ *observe.Client }

func (e elections) WatchElections(ctx context.Context) (note func(context.Context) error, err error) {
	before, _, err := e.LeaderEpochs(ctx)
	return func(ctx context.Context) error {
		ends, err := e.EpochEnds(ctx, before)
		if err == nil && len(ends) == 0 {
			return errors.New("no partition has another leader epoch")
		}
		return err
	}, err
}

func (elections) RecreateTopic(context.Context) error { return errors.ErrUnsupported }

// liveLog is a topic that gets records all the time.
type liveLog struct {
	*observe.Client
	t     *testing.T
	nodes []harness.Node
	acked [liveParts]atomic.Int64
}

const liveParts = 6

func newLiveLog(t *testing.T, cluster harness.Cluster, k fault.Known) *liveLog {
	s := harness.Scenario{Load: harness.Load{Pacer: load.Constant{}}}
	if k.Scenario != nil {
		k.Scenario(&s)
	}
	name := "stampede-" + strings.ReplaceAll(k.Fault.Name(), " ", "-")
	c, err := observe.NewClient(cluster.Seeds(), nil, name, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.CreateTopic(t.Context(), observe.Topic{Name: name, Partitions: liveParts, Replicas: s.Replicas, Config: s.TopicConfig}); err != nil {
		t.Fatal(err)
	}
	l := &liveLog{Client: c, t: t, nodes: cluster.Nodes()}
	producer := newTestClient(t, cluster, kgo.DefaultProduceTopic(name), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { l.produce(ctx, producer); close(stopped) }()
	t.Cleanup(func() { stop(); <-stopped })
	beginTransaction(t, cluster, name)
	return l
}

// produce sends a record to each partition every few milliseconds.
func (l *liveLog) produce(ctx context.Context, cl *kgo.Client) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		for p := range int32(liveParts) {
			cl.TryProduce(ctx, &kgo.Record{Partition: p, Value: []byte("live")}, func(_ *kgo.Record, err error) {
				if err == nil {
					l.acked[p].Add(1)
				}
			})
		}
	}
}

// beginTransaction has a broker keep a transactional id.
func beginTransaction(t *testing.T, cluster harness.Cluster, topic string) {
	cl := newTestClient(t, cluster, kgo.TransactionalID(topic))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("live")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}

func newTestClient(t *testing.T, cluster harness.Cluster, opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(cluster.Seeds()...), kgo.MetadataMinAge(100 * time.Millisecond), kgo.AlwaysRetryEOF(),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// Appended implements [harness.LogView].
func (l *liveLog) Appended() (all []int64) {
	for p := range l.acked {
		all = append(all, l.acked[p].Load())
	}
	return all
}

// awaitWhole waits until all brokers answer, all replicas of before are in sync, and each
// partition gets records.
func (l *liveLog) awaitWhole(ctx context.Context, before [][]int32) (inSync [][]int32) {
	l.t.Helper()
	was := l.Appended()
	for {
		why := l.lacks(ctx, before, was)
		if why == "" {
			inSync, err := l.InSync(ctx)
			if err != nil {
				l.t.Fatal(err)
			}
			return inSync
		}
		select {
		case <-ctx.Done():
			l.t.Fatalf("the cluster is not whole: %s", why)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (l *liveLog) lacks(ctx context.Context, before [][]int32, was []int64) string {
	for _, n := range l.nodes {
		if err := l.AskBroker(ctx, n.ID()); err != nil {
			return err.Error()
		}
	}
	inSync, err := l.InSync(ctx)
	if err != nil {
		return err.Error()
	}
	if slices.ContainsFunc(inSync, func(ids []int32) bool { return before != nil && len(ids) < len(before[0]) }) {
		return "replicas are out of sync"
	}
	for p, n := range l.Appended() {
		if n == was[p] {
			return "a partition gets no records"
		}
	}
	return ""
}
