package docker

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/lock"
)

// benchRecords are the records of one way in one round.
const benchRecords = 4_000_000

// BenchmarkFront compares a client behind a front with one that uses the published ports, both
// in each round, in turns. Of the ratios of their rates it reports the median, and the second
// lowest and the second highest: of 10 rounds these bound the median with 97 % confidence.
func BenchmarkFront(b *testing.B) {
	lock.Machine(b)
	backend := &backend{}
	defer backend.Close()
	started, err := backend.Start(b.Context(), harness.ClusterSpec{})
	if err != nil {
		b.Skip(err)
	}
	c := started.(frontedCluster)
	f, err := c.OpenFront(b.Context(), "bench.1")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var produced, consumed []float64
	for round := 0; b.Loop(); round++ {
		rates := map[bool][2]float64{}
		for _, fronted := range [][]bool{{false, true}, {true, false}}[round%2] {
			seeds := c.Seeds()
			if fronted {
				seeds = f.Seeds()
			}
			rates[fronted] = measureRates(b, seeds, fmt.Sprintf("bench-%d-%v", round, fronted))
		}
		b.Logf("round %d: produce %.0f behind a front, %.0f direct; consume %.0f, %.0f", round+1, rates[true][0], rates[false][0], rates[true][1], rates[false][1])
		produced = append(produced, rates[true][0]/rates[false][0])
		consumed = append(consumed, rates[true][1]/rates[false][1])
	}
	for name, ratios := range map[string][]float64{"produce": produced, "consume": consumed} {
		slices.Sort(ratios)
		b.ReportMetric((ratios[(len(ratios)-1)/2]+ratios[len(ratios)/2])/2, name+"-ratio")
		b.ReportMetric(ratios[min(1, len(ratios)-1)], name+"-low")
		b.ReportMetric(ratios[max(0, len(ratios)-2)], name+"-high")
	}
}

// measureRates produces and then consumes in a group. It returns the records per second of both.
func measureRates(b *testing.B, seeds []string, topic string) (rates [2]float64) {
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	open := func(opts ...kgo.Opt) *kgo.Client {
		cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(seeds...), kgo.AlwaysRetryEOF())...)
		if err != nil {
			b.Fatal(err)
		}
		return cl
	}
	producer := open(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(50_000))
	defer producer.Close()
	admin := kadm.NewClient(producer)
	if _, err := admin.CreateTopic(ctx, 12, 3, nil, topic); err != nil {
		b.Fatal(err)
	}
	defer admin.DeleteTopic(context.WithoutCancel(ctx), topic)
	if err := producer.ProduceSync(ctx, &kgo.Record{}).FirstErr(); err != nil { // the topic is ready
		b.Fatal(err)
	}
	value := make([]byte, 100)
	began := time.Now()
	for range benchRecords {
		producer.Produce(ctx, &kgo.Record{Value: value}, nil)
	}
	if err := producer.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	rates[0] = benchRecords / time.Since(began).Seconds()
	consumer := open(kgo.ConsumeTopics(topic), kgo.ConsumerGroup(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer consumer.Close()
	first := consumer.PollFetches(ctx).NumRecords() // it has joined
	began = time.Now()
	for n := first; n < benchRecords; {
		n += consumer.PollFetches(ctx).NumRecords()
		if ctx.Err() != nil {
			b.Fatalf("consumed %d records", n)
		}
	}
	rates[1] = float64(benchRecords-first) / time.Since(began).Seconds()
	return rates
}
