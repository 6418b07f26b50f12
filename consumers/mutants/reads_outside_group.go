package mutants

import (
	"context"
	"sync"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-reads-outside-group",
	Doc:         "One of its pods reads a partition beside the group, which never gave it to that pod, and works on what it reads.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers + 1 },
	Mutant:      true,
	MustFail:    mustIn("steady", oracle.CheckUnexplainedDuplicate),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "what it does again steps back"},
	},
	New: func(harness.Config) (harness.Consumer, error) { return beside{plain()}, nil },
})

// beside is an honest consumer, and in one pod a reader of two partitions that no group
// gave to it.
type beside struct{ group harness.Consumer }

// Consume implements [harness.Consumer].
func (b beside) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	if cfg.Pod != "pod-2" {
		return b.group.Consume(ctx, cfg, w)
	}
	options, err := client.BaseOptions(cfg)
	if err != nil {
		return err
	}
	both := map[int32]kgo.Offset{}
	for p := range int32(2) {
		both[p] = kgo.NewOffset().AtStart()
	}
	client, err := kgo.NewClient(append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{cfg.Topic: both}))...)
	if err != nil {
		return err
	}
	defer client.Close()
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() {
		for ctx.Err() == nil {
			for _, r := range client.PollRecords(ctx, cfg.MaxPoll).Records() {
				if sleep(ctx, pause) != nil || w.Do(ctx, view(r)) != nil {
					return
				}
			}
		}
	})
	return b.group.Consume(ctx, cfg, w)
}
