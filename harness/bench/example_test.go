package bench_test

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A consumer of one's own, in a module of one's own: a name, what it claims, and
// Consume. See the README for the test file beside it.
var _ = harness.Register(harness.Implementation{
	Name:     "mine",
	Doc:      "Polls, works on one record after the other, and commits what it has polled.",
	Delivery: harness.AtLeastOnce, // what it is held to
	Order:    harness.OrderKey,
	New:      func(harness.Config) (harness.Consumer, error) { return mine{}, nil },
})

type mine struct{}

func (mine) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	// Any client will do that takes its brokers, group, client id and timeouts from cfg.
	options, err := client.MemberOptions(cfg)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(options, kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	for ctx.Err() == nil {
		polled := client.PollRecords(ctx, 10) // so few that a rebalance does not wait for long
		for _, r := range polled.Records() {
			record := harness.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
			for work.Do(ctx, &record) != nil { // an error wants another try
				select {
				case <-ctx.Done():
					return nil // not committed: the next owner will do it
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
		_ = client.CommitUncommittedOffsets(ctx) // the next makes up for one that fails
		client.AllowRebalance()
	}
	return nil
}
