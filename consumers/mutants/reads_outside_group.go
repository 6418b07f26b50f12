package mutants

import (
	"context"
	"fmt"
	"sync"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-reads-outside-group",
	Doc:         "One of its pods also reads two partitions without the group, and works on their records.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers + 1 },
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckUnexplainedDuplicate),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "repeated records step back"},
	},
	New: func(harness.Config) (harness.Consumer, error) {
		return outsideReader{pool.Sharded{Shard: pool.ByKey()}}, nil
	},
})

// outsideReader is an honest consumer. In one pod it also reads two partitions that no group
// assigned to the pod.
type outsideReader struct{ honest harness.Consumer }

// Consume implements [harness.Consumer].
func (o outsideReader) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	if cfg.Pod != "pod-2" {
		return o.honest.Consume(ctx, cfg, w)
	}
	options, err := client.BaseOptions(cfg)
	if err != nil {
		return err
	}
	partitions := map[int32]kgo.Offset{}
	for p := range int32(2) {
		partitions[p] = kgo.NewOffset().AtStart()
	}
	cl, err := kgo.NewClient(append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{cfg.Topic: partitions}))...)
	if err != nil {
		return fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	defer cl.Close()
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() {
		for ctx.Err() == nil {
			for _, r := range cl.PollRecords(ctx, cfg.MaxPoll).Records() {
				if sleepContext(ctx, shortPause) != nil || w.Do(ctx, viewRecord(r)) != nil {
					return
				}
			}
		}
	})
	return o.honest.Consume(ctx, cfg, w)
}
