package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
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

func TestThreeNodesServeSeveralRuns(t *testing.T) {
	b := prepared(t)
	c := started(t, b, harness.ClusterSpec{})
	t.Run("groups of both protocols", func(t *testing.T) {
		bothProtocols(t, c)
	})
	t.Run("kill and restart under load", func(t *testing.T) {
		killUnderLoad(t, b, c)
	})
	t.Run("reused for the next run", func(t *testing.T) {
		reused(t, b, c)
	})
	t.Run("a run that was cut short leaves a node down", func(t *testing.T) {
		if err := c.Nodes()[2].Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		started(t, b, harness.ClusterSpec{})
		if err := b.kept.checkHealth(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// bothProtocols has two members share a topic and commit, by each protocol.
func bothProtocols(t *testing.T, c harness.Cluster) {
	const records, partitions = 600, 4
	for name, protocol := range map[string][]kgo.Opt{
		"classic": {kgo.Balancers(kgo.CooperativeStickyBalancer())},
		"848":     {kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())},
	} {
		topic, group := "stampede-both-"+name, "stampede-both-"+name
		producer := kafka(t, c, kgo.DefaultProduceTopic(topic))
		created(t, producer, topic, partitions)
		var handled atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			member := kafka(t, c, append(protocol, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitInterval(100*time.Millisecond))...)
			wg.Go(func() {
				for ctx.Err() == nil {
					handled.Add(int64(member.PollFetches(ctx).NumRecords()))
				}
			})
		}
		for i := range records {
			producer.Produce(t.Context(), kgo.StringRecord(strconv.Itoa(i)), nil)
		}
		if err := producer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		reached(t, "records of the "+name+" group", &handled, records)
		committed(t, producer, group, records)
		spoken(t, producer, group, name)
		cancel()
		wg.Wait()
	}
}

// spoken checks which protocol a group really uses: a client whose request for
// KIP-848 is refused falls back to the classic protocol without a message.
func spoken(t *testing.T, cl *kgo.Client, group, want string) {
	t.Helper()
	described, err := kadm.NewClient(cl).DescribeConsumerGroups(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	got := "848"
	if err := described[group].Err; errors.Is(err, kerr.GroupIDNotFound) { // none of that protocol
		got = "classic"
	} else if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("group %s speaks %s, want %s", group, got, want)
	}
}

// committed waits until the commits of a group come to so many records.
func committed(t *testing.T, cl *kgo.Client, group string, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := retryUntil(ctx, func(ctx context.Context) error {
		offsets, err := kadm.NewClient(cl).FetchOffsets(ctx, group)
		if err != nil {
			return err
		}
		var sum int64
		offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
		if sum != want {
			return fmt.Errorf("group %s has committed %d of %d", group, sum, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// killUnderLoad kills a node under 500 records/s and brings it back: every
// record is acknowledged, and in the log exactly once.
func killUnderLoad(t *testing.T, b *backend, c harness.Cluster) {
	const records, partitions, topic = 5000, 6, "stampede-load"
	cl := kafka(t, c, kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()))
	created(t, cl, topic, partitions)
	var acked atomic.Int64
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for i := range records {
			<-tick.C
			cl.Produce(context.Background(), kgo.StringRecord(strconv.Itoa(i)), func(_ *kgo.Record, err error) {
				if err == nil {
					acked.Add(1)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			})
		}
	})
	node := c.Nodes()[1]
	front, err := c.(harness.Fronter).OpenFront(t.Context(), "pod-1.1")
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	accepts := func() bool {
		conn, err := net.Dial("tcp", front.Seeds()[1])
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	reached(t, "acks before the kill", &acked, records/5)
	if err := node.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := node.Kill(t.Context()); err == nil || !strings.Contains(err.Error(), "kill node 2: it is down already") {
		t.Errorf("killed twice: %v", err)
	}
	noticed(t, b, 1)
	if accepts() {
		t.Error("the front of a dead broker accepts")
	}
	extra := onEach(t, c, topic, partitions)
	half, giveUp := context.WithTimeout(t.Context(), time.Second) // as when a run ends while the broker boots
	err = node.Start(half)
	giveUp()
	if err != nil {
		err = node.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if !accepts() {
		t.Error("the front of a broker that is back refuses")
	}
	if err := node.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "start node 2: it runs already") {
		t.Errorf("started twice: %v", err)
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if len(failed) > 0 || acked.Load() != records {
		t.Errorf("%d acked and %d failed of %d, the first by %v", acked.Load(), len(failed), records, errors.Join(failed[:min(1, len(failed))]...))
	}
	times := map[string]int{}
	for _, v := range readAll(t, c, topic) {
		times[v]++
	}
	want := extra
	for i := range records {
		want = append(want, strconv.Itoa(i))
	}
	for _, v := range want {
		if n := times[v]; n != 1 {
			t.Errorf("record %s is in the log %d times", v, n)
		}
	}
}

// onEach gets a record acknowledged on each partition. The leader of some is
// down, so its followers must have taken over.
func onEach(t *testing.T, c harness.Cluster, topic string, partitions int32) (values []string) {
	t.Helper()
	cl := kafka(t, c, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	for p := range partitions {
		r := kgo.StringRecord(fmt.Sprintf("while a node is down, to partition %d", p))
		r.Topic, r.Partition = topic, p
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatalf("partition %d: %v", p, err)
		}
		values = append(values, string(r.Value))
	}
	return values
}

// noticed waits until the others know that a node is gone.
func noticed(t *testing.T, b *backend, index int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, n := range b.kept.nodes {
		if i == index {
			continue
		}
		err := retryUntil(ctx, func(ctx context.Context) error {
			meta, err := n.fetchMetadata(ctx)
			if err != nil {
				return err
			}
			if b.kept.lacksNodes(meta) == nil {
				return fmt.Errorf("node %d still counts all nodes", n.id)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readAll are the values of a topic, from the start of each partition to its end.
func readAll(t *testing.T, c harness.Cluster, topic string) (values []string) {
	t.Helper()
	cl := kafka(t, c, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if err := ends.Error(); err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d records left to read: %v", left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			values = append(values, string(r.Value))
			left--
		})
	}
	return values
}

// reused starts the same cluster again: it must have the same nodes, be healthy,
// and lack the topics and groups of earlier runs.
func reused(t *testing.T, b *backend, before harness.Cluster) {
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	c := started(t, b, harness.ClusterSpec{})
	if got, want := fmt.Sprint(c.Seeds()), fmt.Sprint(before.Seeds()); got != want {
		t.Errorf("other nodes: %s, before %s", got, want)
	}
	if err := b.kept.checkHealth(t.Context()); err != nil {
		t.Error(err)
	}
	admin := kadm.NewClient(kafka(t, c))
	topics, err := admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range topics.Names() {
		if strings.HasPrefix(name, runPrefix) {
			t.Errorf("topic %s is still there", name)
		}
	}
	// A coordinator that has just taken over lists groups as of its last known
	// high watermark, which may be from before they were deleted.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = retryUntil(ctx, func(ctx context.Context) error {
		groups, err := admin.ListGroups(ctx)
		if err != nil {
			return err
		}
		for _, name := range groups.Groups() {
			if strings.HasPrefix(name, runPrefix) {
				return fmt.Errorf("group %s is still there", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

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

func TestCancelledStartLeavesNothing(t *testing.T) {
	b := prepared(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		// Cancel once a container exists that could be left behind.
		err := retryUntil(t.Context(), func(ctx context.Context) error {
			list, err := b.engine.ContainerList(ctx, client.ContainerListOptions{
				Filters: make(client.Filters).Add("label", labelHarness+"=harness"),
			})
			for _, c := range list.Items {
				if strings.HasPrefix(c.Labels[labelOwner], fmt.Sprintf("%d-", os.Getpid())) {
					return nil
				}
			}
			return errors.Join(err, errors.New("no container yet"))
		})
		if err != nil {
			t.Error(err)
		}
	})
	_, err := b.Start(ctx, harness.ClusterSpec{})
	wg.Wait()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := carrying(t, b.owner.name); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// childEnv makes the test binary a harness of its own; see [TestChildHarness].
const childEnv = "STAMPEDE_TEST_DOCKER_CHILD"

// TestChildHarness is no test: as a child process it keeps a cluster of one node
// until its standard input ends or it is killed.
func TestChildHarness(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("is a child of TestOrphansAreRemoved")
	}
	b := new(backend)
	if _, err := b.Start(t.Context(), harness.ClusterSpec{Nodes: 1}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("up", b.owner.name)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
	closed(t, b)
}

type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	owner string
}

func childHarness(t *testing.T, wrapper ...string) *child {
	t.Helper()
	command := append(wrapper, os.Args[0], "-test.run=^TestChildHarness$")
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait() // the test itself checks the error where it matters
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if owner, ok := strings.CutPrefix(lines.Text(), "up "); ok {
			return &child{cmd, stdin, owner}
		}
		t.Log("child:", lines.Text())
	}
	t.Fatal("the child ended before its cluster was up")
	return nil
}

// hiddenFolder is a command that runs another one with a temporary folder that no other
// process sees. It is empty where that is not possible.
func hiddenFolder(t *testing.T) []string {
	t.Helper()
	wrapper := []string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs none "$0" && exec env TMPDIR="$0" "$@"`, t.TempDir()}
	if out, err := exec.Command(wrapper[0], append(wrapper[1:], "true")...).CombinedOutput(); err != nil {
		t.Logf("no mount of its own: %v: %s", err, out)
		return nil
	}
	return wrapper
}

// TestOrphansAreRemoved kills a harness with SIGKILL. The next start must remove
// what the dead one left. It must keep what a living one uses, which has other folders.
func TestOrphansAreRemoved(t *testing.T) {
	b := prepared(t)
	living, dead := childHarness(t, hiddenFolder(t)...), childHarness(t)
	if err := dead.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	dead.cmd.Wait() // "signal: killed"
	if len(carrying(t, dead.owner)) != 2 {
		t.Fatal("the killed harness left no container and network: nothing to test")
	}
	started(t, b, harness.ClusterSpec{Nodes: 1})
	if left := carrying(t, dead.owner); len(left) > 0 {
		t.Errorf("of the dead harness: %v", left)
	}
	if left := carrying(t, living.owner); len(left) != 2 {
		t.Errorf("of the living harness only: %v", left)
	}
	if err := living.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := living.cmd.Wait(); err != nil {
		t.Errorf("the living harness: %v", err)
	}
	if left := carrying(t, living.owner); len(left) > 0 {
		t.Errorf("the living harness left behind: %v", left)
	}
}
