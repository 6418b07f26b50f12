package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/load"
	"github.com/stampede-bench/stampede/harness/lock"
	"github.com/stampede-bench/stampede/harness/observe"
	"github.com/stampede-bench/stampede/harness/pod"
)

// The load of [Pipeline].
const (
	pipelineRecords    = 1_000_000
	pipelinePayload    = 100
	pipelinePartitions = 12

	barePatience = 2 * time.Minute
)

// Pipeline is a benchmark of Stampede itself: records from the flood pacer
// through the embedded back end to a child pod of keyed without work, journaled
// and replayed, in turn with the same records through bare franz-go clients.
// Both are timed from the first send to the last record replayed or read, the
// forming of the group left out. It reports both rates, their ratio, and the
// share of each stage.
func Pipeline(b *testing.B) {
	lock.Hold(b)
	var bareTime, ourTime time.Duration
	stages := map[string]time.Duration{}
	for b.Loop() {
		d, err := barePipeline(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		bareTime += d
		of, err := ourPipeline(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range of {
			ourTime += s.Took
			stages[s.Name] += s.Took
		}
	}
	total := float64(b.N) * pipelineRecords
	b.ReportMetric(total/bareTime.Seconds(), "bare-records/s")
	b.ReportMetric(total/ourTime.Seconds(), "records/s")
	b.ReportMetric(bareTime.Seconds()/ourTime.Seconds(), "ratio")
	for name, took := range stages {
		b.ReportMetric(100*took.Seconds()/ourTime.Seconds(), fmt.Sprintf("%%-%s", unit(name)))
	}
}

// unit makes a name fit for a metric.
func unit(s string) string {
	out := []byte(s)
	for i := range out {
		if out[i] == ' ' {
			out[i] = '-'
		}
	}
	return string(out)
}

func ourPipeline(ctx context.Context) ([]engine.Stage, error) {
	s, err := engine.Overrides{}.Apply(harness.Scenario{
		Name: "pipeline", Load: harness.Load{Pacer: load.Flood{Records: pipelineRecords}, Keys: load.Uniform{N: 10_000}, Payload: pipelinePayload},
		Service: load.Fixed(0), Partitions: pipelinePartitions, Pods: 1, Workers: 16, Window: 50_000, MaxPoll: 10_000,
	})
	if err != nil {
		return nil, err
	}
	choices, err := harness.ParseChoice("keyed")
	if err != nil {
		return nil, err
	}
	backend, err := harness.FindBackend("embedded")
	if err != nil {
		return nil, err
	}
	o, err := engine.Run(ctx, engine.Plan{Scenario: s, Consumer: choices[0], Backend: backend, Repeat: 1, Seed: 1})
	if err != nil {
		return nil, err
	}
	if o.Run.Status != harness.Pass || o.Run.Counts.Finished != pipelineRecords {
		return nil, fmt.Errorf("the run did not pass: %s %v, %d finished", o.Run.Status, o.Run.Reasons, o.Run.Counts.Finished)
	}
	return o.Stages, nil
}

// barePipeline is the time from the first send until a child with nothing but a
// client has read as many records.
func barePipeline(ctx context.Context) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, barePatience, fmt.Errorf("the bare client read no %d records within %v", pipelineRecords, barePatience))
	defer cancel()
	backend, err := harness.FindBackend("embedded")
	if err != nil {
		return 0, err
	}
	cluster, err := backend.Start(ctx, harness.ClusterSpec{Session: 6 * time.Second, Heartbeat: time.Second})
	if err != nil {
		return 0, err
	}
	defer cluster.Close()
	const topic = "bare"
	admin, err := observe.NewClient(cluster.Seeds(), nil, topic, topic)
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	if err := admin.CreateTopic(ctx, observe.Topic{Name: topic, Partitions: pipelinePartitions}); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "stampede-bare-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	clock := ledger.NewClock()
	ended := make(chan pod.Incarnation, 1)
	fleet, err := pod.NewFleet(pod.Options{
		Implementation: bareName, Service: "0s", Pods: 1, Dir: dir, Clock: clock,
		Config: harness.Config{Seeds: cluster.Seeds(), Topic: topic, Group: topic, Knobs: map[string]string{"records": fmt.Sprint(pipelineRecords)}},
		Exited: func(in pod.Incarnation) { ended <- in },
	})
	if err != nil {
		return 0, err
	}
	defer fleet.Kill()
	if err := fleet.Start(ctx); err != nil {
		return 0, err
	}
	if err := owned(ctx, cluster, fleet, topic); err != nil {
		return 0, lastWords(err, fleet)
	}
	start := clock.Now()
	if err := flood(ctx, cluster.Seeds(), topic); err != nil {
		return 0, err
	}
	select {
	case in := <-ended:
		if in.Exit != pod.ExitReturned {
			return 0, lastWords(fmt.Errorf("the bare client ended: %s", in.Exit), fleet)
		}
		return time.Duration(in.Down - start), nil
	case <-ctx.Done():
		return 0, lastWords(context.Cause(ctx), fleet)
	}
}

// lastWords adds what the child said to an error.
func lastWords(err error, fleet *pod.Fleet) error {
	for _, in := range fleet.Incarnations() {
		if in.Stderr != "" {
			err = fmt.Errorf("%w; the child said: %s", err, in.Stderr)
		}
	}
	return err
}

// owned waits until the group's only member has every partition.
func owned(ctx context.Context, cluster harness.Cluster, fleet *pod.Fleet, topic string) error {
	observer, ok := cluster.(harness.GroupObserver)
	if !ok {
		return fmt.Errorf("the back end cannot describe groups")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		g, err := observer.DescribeGroup(ctx, topic, topic)
		if err != nil {
			return err
		}
		if len(g.Members) == 1 && len(g.Members[0].Partitions) == pipelinePartitions {
			return nil
		}
		if in := fleet.Incarnations()[0]; in.Down != 0 {
			return fmt.Errorf("the bare client ended: %s", in.Exit)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// flood sends the records with nothing but a client, under the settings of the
// harness's producer.
func flood(ctx context.Context, seeds []string, topic string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(time.Millisecond), kgo.MaxBufferedRecords(1<<20),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		return err
	}
	defer cl.Close()
	random := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, pipelinePayload)
	for i := range value {
		value[i] = byte(random.Uint32())
	}
	keys := load.Uniform{N: 10_000}
	records := make([]kgo.Record, pipelineRecords)
	var failed error
	for i := range records {
		records[i].Key, records[i].Value = load.KeyBytes(keys.Key(uint64(i), random)), value
		cl.Produce(ctx, &records[i], func(_ *kgo.Record, err error) {
			if err != nil && failed == nil {
				failed = err
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	return failed
}
