package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A consumer that polls, works and commits, with a client of its own.
func Example() {
	consume := func(ctx context.Context, cfg harness.Config, work func(*kgo.Record)) error {
		options, err := client.MemberOptions(cfg)
		if err != nil {
			return err
		}
		cl, err := kgo.NewClient(append(options, kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())...)
		if err != nil {
			return err
		}
		for ctx.Err() == nil {
			fetches := cl.PollRecords(ctx, cfg.MaxPoll)
			if err := client.FatalError(cfg, fetches); err != nil {
				return err
			}
			fetches.EachRecord(work)
			if err := cl.CommitUncommittedOffsets(ctx); err != nil {
				client.LogFailure(cfg, "commit", err) // the next commit makes up for it
				_ = client.PauseRetry(ctx, err)
			}
			cl.AllowRebalance()
		}
		leaving, cancel := context.WithTimeout(context.Background(), cfg.Session/2)
		defer cancel()
		client.LeaveGroup(leaving, cl, func() {})
		return nil
	}
	err := consume(context.Background(), harness.Config{Pod: "pod-1", Protocol: harness.Cooperative, Session: 10 * time.Second}, nil)
	fmt.Println(err)
	// Output: client pod-1.0: no seeds
}
