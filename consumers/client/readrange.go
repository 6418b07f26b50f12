package client

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadRange has each record that counts of a partition from one offset up to, not with,
// another, until there is an error.
func ReadRange(ctx context.Context, cfg harness.Config, topic string, partition int32, from, to int64, each func(*kgo.Record) error) error {
	if from >= to {
		return nil
	}
	options, err := BaseOptions(cfg)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(options,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(from)}}),
		kgo.FetchMaxWait(fetchMaxWait),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the last of the log is one
	)...)
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
	}
	defer client.Close()
	for next := from; next < to; {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := FatalError(fetches); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if next = r.Offset + 1; r.Attrs.IsControl() || r.Offset >= to {
				continue
			}
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}
