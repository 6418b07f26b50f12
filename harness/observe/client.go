package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Client queries a cluster about one topic and one group. Safe for concurrent use.
type Client struct {
	Topic string
	Group string

	share bool // share: the group is a share group, see ConfigureShareGroup
	opts  []kgo.Opt

	addresses sync.Map // addresses has the address of each broker by its id, see AskBroker.

	partitions atomic.Int32  // partitions are how many the source was created with.
	log        atomic.Uint32 // log is which log of the source is the present one, see [ledger.Identity].

	kgo *kgo.Client
	adm *kadm.Client
}

// NewClient returns a client of the cluster at seeds. Close it. dial opens connections;
// nil is the ordinary dialer.
func NewClient(seeds []string, dial func(ctx context.Context, network, addr string) (net.Conn, error), topic, group string) (*Client, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.ClientID("stampede-observer"),
		// A killed broker should cost the observer no more than it costs the
		// clients under test.
		kgo.MetadataMinAge(100 * time.Millisecond), kgo.AlwaysRetryEOF(),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.DialTimeout(2 * time.Second), kgo.RetryTimeout(10 * time.Second),
		kgo.DisableClientMetrics(), // an observer leaves nothing on a cluster, not even its own metrics
	}
	if dial != nil {
		opts = append(opts, kgo.Dialer(dial))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("observer: %w", err)
	}
	return &Client{Topic: topic, Group: group, opts: opts, kgo: cl, adm: kadm.NewClient(cl)}, nil
}

// Close closes the client.
func (c *Client) Close() { c.kgo.Close() }

// Topic is a topic of a run. Its number in the ledger is its place in the run's
// list, whose first is the source.
type Topic struct {
	Name       string
	Role       harness.Role // Role is "" for the source.
	Partitions int
	Replicas   int               // Replicas of each partition; 0 is 3.
	Later      int               // Later is how many of the partitions are added later.
	Config     map[string]string // Config are further settings by Kafka's names.
	Keyless    bool              // Keyless: the records of the run have no key.
}

const defaultReplicas = 3

// created is how many partitions the topic is created with.
func (t Topic) created() int { return t.Partitions - t.Later }

// CreateTopic creates a topic and returns when every partition has a leader. The topic
// has at most as many replicas as there are brokers. The broker stamps the records of
// side topics.
func (c *Client) CreateTopic(ctx context.Context, t Topic) error {
	brokers, err := c.adm.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("create topic %s: list brokers: %w", t.Name, err)
	}
	if err := c.noteAddresses(ctx); err != nil {
		return fmt.Errorf("create topic %s: list brokers: %w", t.Name, err)
	}
	if t.Name == c.Topic {
		c.partitions.Store(int32(t.created()))
	}
	stamps, compact := "LogAppendTime", "compact"
	configs := map[string]*string{}
	for name, value := range t.Config {
		configs[name] = &value
	}
	if t.Role != "" {
		configs["message.timestamp.type"] = &stamps
	}
	if t.Role == harness.RoleState {
		configs["cleanup.policy"] = &compact
	}
	_, err = c.adm.CreateTopic(ctx, int32(t.created()), int16(min(cmp.Or(t.Replicas, defaultReplicas), len(brokers))), configs, t.Name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // it exists if the response to a first try was dropped
		return fmt.Errorf("create topic %s: %w", t.Name, err)
	}
	return pollUntil(ctx, 20*time.Millisecond, func() (bool, error) {
		leaders, err := c.LeadersOf(ctx, t.Name)
		if err != nil || len(leaders) != t.created() {
			return false, err
		}
		for _, l := range leaders {
			if l < 0 {
				return false, fmt.Errorf("a partition of %s has no leader", t.Name)
			}
		}
		return true, nil
	})
}

// Leaders is the node that leads each partition of the source, -1 for none.
func (c *Client) Leaders(ctx context.Context) ([]int32, error) { return c.LeadersOf(ctx, c.Topic) }

// LeadersOf is the node that leads each partition of a topic, -1 for none.
func (c *Client) LeadersOf(ctx context.Context, topic string) ([]int32, error) {
	meta, err := c.adm.Metadata(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("leaders of %s: %w", topic, err)
	}
	t := meta.Topics[topic]
	if t.Err != nil {
		return nil, fmt.Errorf("leaders of %s: %w", topic, t.Err)
	}
	leaders := make([]int32, len(t.Partitions))
	for p, detail := range t.Partitions {
		if int(p) < len(leaders) {
			leaders[p] = detail.Leader
		}
	}
	return leaders, nil
}

// FirstPartition is the number in the ledger of the first partition that the source has now.
func (c *Client) FirstPartition() int { return c.firstPartition(c.Topic) }

// firstPartition is the number in the ledger of the first partition that a topic has now.
func (c *Client) firstPartition(topic string) int {
	if topic != c.Topic {
		return 0
	}
	return int(ledger.PartitionInLog(0, uint8(c.log.Load()), int(c.partitions.Load())))
}

// Ends is the end offset of each of a topic's partitions, 0 of one that is not there.
func (c *Client) Ends(ctx context.Context, t Topic) ([]int64, error) {
	listed, err := c.adm.ListEndOffsets(ctx, t.Name)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("end offsets of %s: %w", t.Name, err)
	}
	ends, first := make([]int64, t.Partitions), c.firstPartition(t.Name)
	for p := first; p < len(ends); p++ {
		o, ok := listed.Lookup(t.Name, int32(p-first))
		if !ok && p-first < t.created() {
			return nil, fmt.Errorf("end offsets of %s: none for partition %d", t.Name, p)
		}
		ends[p] = o.Offset
	}
	return ends, nil
}

// Committed is the commit of each partition of the topics, 0 without one. It is the
// furthest one of the run's group and, in side topics, of the groups whose names begin
// with its name. For a share group it is the start offset: all records below are
// acknowledged.
func (c *Client) Committed(ctx context.Context, topics ...Topic) ([][]int64, error) {
	committed := make([][]int64, len(topics))
	for i, t := range topics {
		committed[i] = make([]int64, t.Partitions)
	}
	var groups []string
	if len(topics) > 1 { // a consumer with side topics may have groups of its own
		own, err := c.ownGroups(ctx)
		if err != nil {
			return nil, err
		}
		groups = own
	}
	if c.share {
		if err := c.raiseToShareStarts(ctx, committed, topics); err != nil {
			return nil, err
		}
	} else {
		groups = append(groups, c.Group)
	}
	for _, group := range groups {
		if err := c.raiseToCommits(ctx, group, committed, topics); err != nil {
			return nil, err
		}
	}
	return committed, nil
}

// pollUntil calls done until it reports true or ctx ends. Then it returns the last error of done.
func pollUntil(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	t := time.NewTicker(every)
	defer t.Stop()
	var err error
	for {
		ok, now := done()
		if ok {
			return nil
		}
		if now != nil && (err == nil || ctx.Err() == nil) {
			err = now // an error of the deadline itself does not say why
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
			}
			return ctx.Err()
		case <-t.C:
		}
	}
}
