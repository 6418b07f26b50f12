package consumers_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic      = "t"
	groupName  = "g"
	partitions = 6
	keys       = 40
	patience   = 30 * time.Second
	lockFor    = time.Second // lockFor is how long a share group locks a record
	deliveries = 5
)

// world is a broker with a topic, a producer, and the effects seen so far.
type world struct {
	*testing.T
	cluster  *kfake.Cluster
	producer *kgo.Client
	sent     int
	effects  *effects
	dial     dialer
	shares   bool // shares: the group that is tested is a share group
	began    time.Time
	stalls   *stalls // stalls is nil in virtual time
}

// newWorld starts brokers on loopback.
func newWorld(t *testing.T, s *stalls) *world {
	w := newWorldOn(t, new(net.Dialer).DialContext)
	w.stalls = s
	return w
}

// newWorldOn starts brokers that are reached by dial; more is how they listen.
func newWorldOn(t *testing.T, dial dialer, more ...kfake.Opt) *world {
	cluster, err := kfake.NewCluster(append(more,
		kfake.NumBrokers(3), kfake.SeedTopics(partitions, topic), kfake.DataDir(t.TempDir()),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.BrokerConfigs(map[string]string{
			"group.consumer.session.timeout.ms":        "3000",
			"group.consumer.heartbeat.interval.ms":     "100",
			"group.consumer.min.session.timeout.ms":    "1000",
			"group.consumer.min.heartbeat.interval.ms": "100",
			"group.share.record.lock.duration.ms":      strconv.FormatInt(lockFor.Milliseconds(), 10),
			"group.share.session.timeout.ms":           "3000",
			"group.share.min.session.timeout.ms":       "1000",
			"group.share.heartbeat.interval.ms":        "100",
			"group.share.min.heartbeat.interval.ms":    "100",
			"share.record.lock.sweep.interval.ms":      "50",
			"group.share.delivery.count.limit":         strconv.Itoa(deliveries),
		}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cluster.SetGroupConfigs(groupName, map[string]string{"share.auto.offset.reset": "earliest"})
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(dial), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	return &world{T: t, cluster: cluster, producer: producer, dial: dial, effects: newEffects(), began: time.Now()}
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// send produces n more records, round the keys.
func (w *world) send(n int, headers ...kgo.RecordHeader) {
	w.Helper()
	var records []*kgo.Record
	for range n {
		records = append(records, &kgo.Record{
			Key:   fmt.Appendf(nil, "key-%d", w.sent%keys),
			Value: strconv.AppendInt(nil, int64(w.sent), 10), Headers: headers,
		})
		w.sent++
	}
	if err := w.producer.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

func (w *world) config(pod string, p harness.Protocol) harness.Config {
	return harness.Config{
		Seeds: w.cluster.ListenAddrs(), Dialer: w.dial, Topic: topic, Partitions: partitions, Group: groupName, Pod: pod, InstanceID: pod, Incarnation: 1,
		Workers: 8, Window: 100, MaxPoll: 20, Protocol: p,
		Commit: 50 * time.Millisecond, Session: 3 * time.Second, Heartbeat: 100 * time.Millisecond,
		Rebalance: 5 * time.Second, RevokeTimeout: 2 * time.Second,
		ShareLock: lockFor, DeliveryLimit: deliveries,
	}
}

// pod is a consumer that runs in this process.
type pod struct {
	w    *world
	name string
	stop context.CancelFunc
	end  chan error
}

func (w *world) start(i *harness.Implementation, cfg harness.Config) *pod {
	w.Helper()
	cfg.Knobs = defaults(i)
	w.sides(i, &cfg)
	w.shares = i.Share
	work := podWork{w.effects, cfg.Pod}
	cfg.Polled = work.notePoll
	consumer, err := i.New(cfg)
	if err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &pod{w: w, name: cfg.Pod, stop: stop, end: make(chan error, 1)}
	go pprof.Do(ctx, pprof.Labels("test", w.Name()), func(ctx context.Context) {
		err := consumer.Consume(ctx, cfg, work)
		if ctx.Err() == nil {
			w.effects.mu.Lock()
			w.effects.died = fmt.Errorf("pod %s ended by itself: %w", cfg.Pod, err)
			w.effects.mu.Unlock()
			w.effects.changed.Broadcast()
		}
		p.end <- err
	})
	w.Cleanup(stop)
	return p
}

// defaults are the knobs of an implementation as they come.
func defaults(i *harness.Implementation) map[string]string {
	knobs := map[string]string{}
	for _, k := range i.Knobs {
		knobs[k.Name] = k.Default
	}
	return knobs
}

// sides makes the side topics that an implementation needs, if there are none yet.
func (w *world) sides(i *harness.Implementation, cfg *harness.Config) {
	w.Helper()
	cfg.SideTopics = map[string]string{}
	for _, s := range i.SideTopicsOf(*cfg) {
		name := sideName(s.Name)
		cfg.SideTopics[s.Name] = name
		if w.cluster.TopicInfo(name) != nil {
			continue
		}
		if err := w.cluster.CreateTopic(name, int32(s.PartitionsFor(partitions)), nil); err != nil {
			w.Fatalf("make topic %s: %v", name, err)
		}
	}
}

// copies waits for n records in a side topic, and returns what lies there.
func (w *world) copies(name string, n int) (records []*kgo.Record) {
	w.Helper()
	all := func() (sum int64) {
		for _, p := range w.cluster.PartitionInfos(name) {
			sum += p.HighWatermark
		}
		return sum
	}
	w.until(func() bool { return all() >= int64(n) }, func() string { return fmt.Sprintf("%d copies in %s, want %d", all(), name, n) })
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.Dialer(w.dial), kgo.ConsumeTopics(name))
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	for int64(len(records)) < all() {
		records = append(records, client.PollFetches(w.Context()).Records()...)
	}
	return records
}

func sideName(name string) string { return topic + "." + name }

// leave ends the pod's context and waits for the pod.
func (p *pod) leave() {
	p.w.Helper()
	p.stop()
	select {
	case err := <-p.end:
		if err != nil {
			p.w.Fatalf("pod %s: %v", p.name, err)
		}
	case <-time.After(patience):
		p.w.Fatalf("pod %s does not stop:\n%s", p.name, p.w.goroutines())
	}
}

// members waits until the group, and those that a design has of its own, are stable with n members.
// A member that dies without LeaveGroup must not die in a rebalance: kfake then loses its count
// of a classic group and expels the living, and it keeps a member that died as it joined. The
// brokers of the soak tests do neither.
func (w *world) members(n int) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	stable := func(name string) {
		if _, err := w.cluster.WaitGroupStable(ctx, name, n); err != nil {
			w.Fatalf("group %s of %d: %v", name, n, err)
		}
	}
	stable(groupName)
	groups, err := kadm.NewClient(w.producer).ListGroups(ctx)
	if err != nil {
		w.Fatal(err)
	}
	for _, name := range groups.Groups() {
		if name != groupName {
			stable(name)
		}
	}
}

// committed waits until the group's offsets are the log's ends.
func (w *world) committed() {
	w.Helper()
	if w.shares {
		return // its members answer for each record instead
	}
	var at string
	w.until(func() bool {
		at = ""
		info := w.cluster.GroupInfo(groupName)
		for p := range int32(partitions) {
			end := w.cluster.PartitionInfo(topic, p).HighWatermark
			if got := info.Commits[topic][p].Offset; got != end {
				at += fmt.Sprintf(" partition %d: committed %d of %d;", p, got, end)
			}
		}
		return at == ""
	}, func() string { return "the group's offsets are not the log's ends:" + at })
}

// until waits for a condition that nothing announces.
func (w *world) until(ok func() bool, what func() string) {
	w.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			w.Fatal(what())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// noGoroutines waits until nothing runs any more that a pod of this test has
// started, its clients' goroutines among them.
func (w *world) noGoroutines() {
	w.Helper()
	w.until(func() bool { return w.goroutines() == "" }, func() string { return "goroutines left:\n" + w.goroutines() })
}

// goroutines are the stacks of what the test's pods have started.
func (w *world) goroutines() string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		w.Fatal(err)
	}
	var ours []string
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(stack, strconv.Quote(w.Name())) { // a label, which goroutines inherit
			ours = append(ours, stack)
		}
	}
	return inBrief(ours, testing.Verbose())
}

// fewStacks is how many of a test's stacks its failure shows.
const fewStacks = 3

// inBrief are the first few of some stacks; -v shows all.
func inBrief(stacks []string, all bool) string {
	if more := len(stacks) - fewStacks; more > 0 && !all {
		stacks = append(stacks[:fewStacks:fewStacks], fmt.Sprintf("... and goroutines at %d other places: -v shows them", more))
	}
	return strings.Join(stacks, "\n\n")
}

func TestFailuresShowFewStacks(t *testing.T) {
	stacks := []string{"a", "b", "c", "d", "e"}
	if got, want := inBrief(stacks, false), "a\n\nb\n\nc\n\n... and goroutines at 2 other places: -v shows them"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := inBrief(stacks, true), "a\n\nb\n\nc\n\nd\n\ne"; got != want {
		t.Errorf("all: got %q, want %q", got, want)
	}
}
