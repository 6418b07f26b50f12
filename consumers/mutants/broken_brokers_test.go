package mutants_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokenBrokers are cases in which the broker misbehaves and the consumer is honest. They are
// faults, on back ends where kfake is the broker.
var brokenBrokers = []mutantCase{
	{
		name: "broker-drops", doc: "A broker that acknowledges records and drops them.", consumer: "keyed",
		must: []harness.Expectation{{Scenario: "dropping-broker", Check: oracle.CheckLostByBroker}},
	},
	{
		name: "broker-late", doc: "A broker that acknowledges records and appends them a second later, behind others of their keys.", consumer: "keyed",
		must: []harness.Expectation{{Scenario: "late-broker", Check: oracle.CheckLogOrder}},
		may:  []harness.Allowance{{Check: oracle.CheckLostByBroker, Why: "the records have other offsets than the broker said"}},
	},
	{
		name: "broker-repeats", doc: "A broker, or a producer that is not idempotent, that appends records once more.", consumer: "keyed",
		must: []harness.Expectation{{Scenario: "repeating-broker", Check: oracle.CheckLogDuplicate}},
	},
}

// dropProduced acknowledges some produce requests and appends nothing. With late it appends
// their records when the fault is healed.
type dropProduced struct{ late bool }

func (dropProduced) Name() string { return "drop acknowledged records" }

// maxDropped is how many produce requests are dropped.
const maxDropped = 10

func (d dropProduced) Inject(_ context.Context, env *harness.Env) (func(context.Context) error, error) {
	cluster, ok := env.Cluster.(interface{ Kfake() *kfake.Cluster })
	if !ok {
		return nil, errors.New("this broker cannot be made to drop records")
	}
	var mu sync.Mutex
	var dropped []*kmsg.ProduceRequest
	c := cluster.Kfake()
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(dropped) == maxDropped {
			return nil, nil, false
		}
		c.KeepControl()
		dropped = append(dropped, r.(*kmsg.ProduceRequest))
		return acknowledgeProduce(r.(*kmsg.ProduceRequest)), nil, true
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
			return appendRequests(ctx, env, c, all)
		}
		return nil
	}, nil
}

func (dropProduced) Verify(context.Context, *harness.Env) error { return nil }

// acknowledgeProduce answers a produce request as if its records had been appended.
func acknowledgeProduce(r *kmsg.ProduceRequest) kmsg.Response {
	const claimedOffset = 1 << 40
	resp := r.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range r.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.BaseOffset = p.Partition, claimedOffset
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// appendRequests appends the records of requests with another client.
func appendRequests(ctx context.Context, env *harness.Env, c *kfake.Cluster, requests []*kmsg.ProduceRequest) error {
	client, err := newOutsideClient(env)
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
						return fmt.Errorf("append dropped records: %w", err)
					}
				}
			}
		}
	}
	return nil
}

// repeatProduced appends the first records of every source partition once more.
type repeatProduced struct{}

func (repeatProduced) Name() string { return "append records once more" }

func (repeatProduced) Inject(ctx context.Context, env *harness.Env) (func(context.Context) error, error) {
	client, err := newOutsideClient(env, kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeRegex(), kgo.ConsumeTopics("stampede-[0-9a-f]+$"))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	env.Target = harness.Target{Name: "the log"}
	for _, r := range client.PollFetches(ctx).Records() {
		again := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
		if err := client.ProduceSync(ctx, again).FirstErr(); err != nil {
			return nil, fmt.Errorf("append records once more: %w", err)
		}
	}
	return nil, nil
}

func (repeatProduced) Verify(context.Context, *harness.Env) error { return nil }

// newOutsideClient makes a client that is neither the producer nor a pod of the run.
func newOutsideClient(env *harness.Env, more ...kgo.Opt) (*kgo.Client, error) {
	options := []kgo.Opt{kgo.SeedBrokers(env.Cluster.Seeds()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AlwaysRetryEOF()}
	if d, ok := env.Cluster.(harness.Dialer); ok {
		options = append(options, kgo.Dialer(d.Dial))
	}
	return kgo.NewClient(append(options, more...)...)
}
