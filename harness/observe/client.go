package observe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Client asks a cluster about one topic and one group. Safe for concurrent use.
type Client struct {
	Topic string
	Group string

	opts []kgo.Opt
	kgo  *kgo.Client
	adm  *kadm.Client
}

// Dialer opens connections; nil is the ordinary one.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// NewClient returns a client of the cluster at seeds. Close it.
func NewClient(seeds []string, dial Dialer, topic, group string) (*Client, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.ClientID("stampede-observer"),
		// A killed broker should cost the observer no more than it costs the
		// clients under test.
		kgo.MetadataMinAge(100 * time.Millisecond), kgo.AlwaysRetryEOF(),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.DialTimeout(2 * time.Second), kgo.RetryTimeout(10 * time.Second),
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

// CreateTopic creates the topic with three replicas, or as many as there are
// brokers, and returns once every partition has a leader.
func (c *Client) CreateTopic(ctx context.Context, partitions int) error {
	brokers, err := c.adm.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("create topic %s: list brokers: %w", c.Topic, err)
	}
	stamps := "LogAppendTime"
	_, err = c.adm.CreateTopic(ctx, int32(partitions), int16(min(3, len(brokers))), map[string]*string{"message.timestamp.type": &stamps}, c.Topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // it exists if the answer to a first try was lost
		return fmt.Errorf("create topic %s: %w", c.Topic, err)
	}
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		leaders, err := c.Leaders(ctx)
		if err != nil || len(leaders) != partitions {
			return false, err
		}
		for _, l := range leaders {
			if l < 0 {
				return false, fmt.Errorf("a partition of %s has no leader", c.Topic)
			}
		}
		return true, nil
	})
}

// DeleteTopic removes the topic; a run on a shared cluster leaves nothing.
func (c *Client) DeleteTopic(ctx context.Context) error {
	if _, err := c.adm.DeleteTopic(ctx, c.Topic); err != nil {
		return fmt.Errorf("delete topic %s: %w", c.Topic, err)
	}
	return nil
}

// Leaders is the node that leads each partition, -1 for none.
func (c *Client) Leaders(ctx context.Context) ([]int32, error) {
	meta, err := c.adm.Metadata(ctx, c.Topic)
	if err != nil {
		return nil, fmt.Errorf("leaders of %s: %w", c.Topic, err)
	}
	t := meta.Topics[c.Topic]
	if t.Err != nil {
		return nil, fmt.Errorf("leaders of %s: %w", c.Topic, t.Err)
	}
	leaders := make([]int32, len(t.Partitions))
	for p, detail := range t.Partitions {
		if int(p) < len(leaders) {
			leaders[p] = detail.Leader
		}
	}
	return leaders, nil
}

// Ends is the end offset of each of the topic's partitions.
func (c *Client) Ends(ctx context.Context, partitions int) ([]int64, error) {
	return c.endsOf(ctx, c.Topic, partitions)
}

func (c *Client) endsOf(ctx context.Context, topic string, partitions int) ([]int64, error) {
	listed, err := c.adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("end offsets of %s: %w", topic, err)
	}
	ends := make([]int64, partitions)
	for p := range ends {
		o, ok := listed.Lookup(topic, int32(p))
		if !ok {
			return nil, fmt.Errorf("end offsets of %s: none for partition %d", topic, p)
		}
		ends[p] = o.Offset
	}
	return ends, nil
}

// Committed is the group's commit of each partition, 0 without one.
func (c *Client) Committed(ctx context.Context, partitions int) ([]int64, error) {
	rs, err := c.adm.FetchOffsets(ctx, c.Group)
	if err == nil {
		err = rs.Error()
	}
	committed := make([]int64, partitions)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return committed, nil
	}
	if err != nil {
		return nil, fmt.Errorf("commits of group %s: %w", c.Group, err)
	}
	for p := range committed {
		if o, ok := rs.Lookup(c.Topic, int32(p)); ok && o.At > 0 {
			committed[p] = o.At
		}
	}
	return committed, nil
}

// poll tries until done says so, ctx ends, and then says what the last try did.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		ok, err := done()
		if ok {
			return nil
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
