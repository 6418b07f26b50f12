package mutants_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The brokers that misbehave stand for what a consumer has no part in. They are
// faults for the honest keyed consumer, on back ends where kfake is the broker.

// dropping acknowledges some produce requests and appends nothing; with late it
// appends their records a while later, when the fault is healed.
type dropping struct{ late bool }

func (dropping) Name() string { return "drop what is acknowledged" }

// drops is how many produce requests are dropped.
const drops = 10

func (d dropping) Inject(_ context.Context, env *harness.Env) (func(context.Context) error, error) {
	cluster, ok := env.Cluster.(interface{ Kfake() *kfake.Cluster })
	if !ok {
		return nil, errors.New("this broker behaves")
	}
	var mu sync.Mutex
	var dropped []*kmsg.ProduceRequest
	c := cluster.Kfake()
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(dropped) == drops {
			return nil, nil, false
		}
		c.KeepControl()
		dropped = append(dropped, r.(*kmsg.ProduceRequest))
		return acknowledge(r.(*kmsg.ProduceRequest)), nil, true
	})
	env.Target = harness.Target{Name: "produce requests"}
	return func(ctx context.Context) error {
		mu.Lock()
		all := slices.Clone(dropped)
		mu.Unlock()
		switch {
		case len(all) == 0:
			return errors.New("nothing was dropped")
		case d.late:
			return appendAgain(ctx, env, c, all)
		}
		return nil
	}, nil
}

// acknowledge answers a produce request as if it had been carried out.
func acknowledge(r *kmsg.ProduceRequest) kmsg.Response {
	const somewhere = 1 << 40
	resp := r.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range r.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.BaseOffset = p.Partition, somewhere
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// appendAgain appends the records of requests by a client of its own.
func appendAgain(ctx context.Context, env *harness.Env, c *kfake.Cluster, requests []*kmsg.ProduceRequest) error {
	client, err := outsider(env)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, r := range requests {
		for _, t := range r.Topics {
			topic := t.Topic
			if info := c.TopicIDInfo(t.TopicID); topic == "" && info != nil {
				topic = info.Topic
			}
			for _, p := range t.Partitions {
				got, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: topic, Partition: p.Partition},
					&kmsg.FetchResponseTopicPartition{Partition: p.Partition, RecordBatches: p.Records, HighWatermark: 1 << 40}, kgo.DefaultDecompressor(), nil)
				for _, old := range got.Records {
					again := &kgo.Record{Topic: topic, Partition: p.Partition, Key: old.Key, Value: old.Value}
					if err := client.ProduceSync(ctx, again).FirstErr(); err != nil {
						return fmt.Errorf("append what was dropped: %w", err)
					}
				}
			}
		}
	}
	return nil
}

// repeating appends the first records of every partition of the source once more.
type repeating struct{}

func (repeating) Name() string { return "append once more" }

func (repeating) Inject(ctx context.Context, env *harness.Env) (func(context.Context) error, error) {
	client, err := outsider(env, kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeRegex(), kgo.ConsumeTopics("stampede-[0-9a-f]+$"))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	env.Target = harness.Target{Name: "the log"}
	for _, r := range client.PollFetches(ctx).Records() {
		again := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
		if err := client.ProduceSync(ctx, again).FirstErr(); err != nil {
			return nil, fmt.Errorf("append once more: %w", err)
		}
	}
	return nil, nil
}

// outsider is a client that is none of the run's.
func outsider(env *harness.Env, more ...kgo.Opt) (*kgo.Client, error) {
	options := []kgo.Opt{kgo.SeedBrokers(env.Cluster.Seeds()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AlwaysRetryEOF()}
	if d, ok := env.Cluster.(harness.Dialer); ok {
		options = append(options, kgo.Dialer(d.Dial))
	}
	return kgo.NewClient(append(options, more...)...)
}
