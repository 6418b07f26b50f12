package load

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// newClient makes a client without connecting it.
func (p *Producer) newClient() (*kgo.Client, error) {
	cfg := &p.cfg
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Seeds...),
		kgo.ClientID(harness.ProducerClientID),
		kgo.DefaultProduceTopic(cfg.Topic),
		kgo.MaxBufferedRecords(int(p.held) + 1), // never reached: Run waits for room
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.UnknownTopicRetries(-1), // a moved leader is no reason to give up
		// These find a new leader soon; the client's defaults take seconds.
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.AlwaysRetryEOF(),
		kgo.DisableClientMetrics(),
	}
	opts = append(opts, ClientOptions(&cfg.Load, cfg.Settings)...)
	if cfg.Dialer != nil {
		opts = append(opts, kgo.Dialer(cfg.Dialer))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("make producer: %w", err)
	}
	return client, nil
}

// Prepare does what would make the first records late: it waits until every partition
// of the topic has a leader, connects to all brokers, and fetches the producer id.
func (p *Producer) Prepare(ctx context.Context) error {
	client := p.client.Load()
	if err := p.awaitTopic(ctx, client); err != nil {
		return err
	}
	if err := client.EnsureProduceConnectionIsOpen(ctx); err != nil {
		return fmt.Errorf("connect producer: %w", err)
	}
	if p.cfg.Settings.NotIdempotent {
		return nil
	}
	if _, _, err := client.ProducerID(ctx); err != nil {
		return fmt.Errorf("fetch producer id: %w", err)
	}
	return nil
}

func (p *Producer) awaitTopic(ctx context.Context, client *kgo.Client) error {
	admin := kadm.NewClient(client)
	for {
		err := topicReady(ctx, admin, p.cfg.Topic, p.cfg.Partitions)
		if err == nil {
			return nil
		}
		if sleepFor(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("wait for topic %s: %w", p.cfg.Topic, err)
		}
	}
}

func topicReady(ctx context.Context, admin *kadm.Client, topic string, partitions int) error {
	topics, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	detail := topics[topic]
	if detail.Err != nil {
		return detail.Err
	}
	if len(detail.Partitions) != partitions {
		return fmt.Errorf("it has %d partitions, want %d", len(detail.Partitions), partitions)
	}
	for _, d := range detail.Partitions {
		if d.Err != nil || d.Leader < 0 {
			return fmt.Errorf("partition %d has no leader", d.Partition)
		}
	}
	return nil
}
