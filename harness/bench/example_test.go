package bench_test

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
)

// This file is a complete consumer: a name, its claims, and Consume. Copy it into your
// module, and add the test file of the README to it.
var _ = harness.Register(harness.Implementation{
	Name:     "mine",
	Doc:      "Polls ten records, works on one after the other, and commits them.",
	Delivery: harness.AtLeastOnce, // a claim: no record is lost
	Order:    harness.OrderKey,    // a claim: the records of a key are worked on in order
	New:      func(harness.Config) (harness.Consumer, error) { return mine{}, nil },
})

type mine struct{}

// Consume runs in every pod until ctx ends.
func (mine) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	// The brokers, the group, the client id and all timeouts come from cfg. Any other
	// client of Kafka that uses them will do.
	member, err := client.NewMember(cfg, kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())
	if err != nil {
		return err
	}
	defer member.CloseAllowingRebalance()
	for ctx.Err() == nil {
		polled := member.PollRecords(ctx, 10) // a rebalance waits for these records only
		if err := client.FatalError(cfg, polled); err != nil {
			return err
		}
		for _, r := range polled.Records() {
			if !workUntilDone(ctx, work, r) {
				return nil // the record is not committed: the next owner works on it
			}
		}
		client.LogFailure(cfg, "commit", member.CommitUncommittedOffsets(ctx)) // the next commit includes its offsets
		member.AllowRebalance()
	}
	return nil
}

// workUntilDone repeats the work until it succeeds. It returns false if ctx ends first.
func workUntilDone(ctx context.Context, work harness.Work, r *kgo.Record) bool {
	var record harness.Record
	client.FillRecord(&record, r)
	for work.Do(ctx, &record) != nil {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return true
}
