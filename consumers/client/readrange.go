package client

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadRange calls each for every committed record of a partition from offset from up to, and
// without, to. It uses a client of its own, and no group. It returns the first error of
// each, or that of ctx.
func ReadRange(ctx context.Context, cfg harness.Config, topic string, partition int32, from, to int64, each func(*kgo.Record) error) error {
	if from >= to {
		return nil
	}
	options, err := BaseOptions(cfg)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(options,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(from)}}),
		kgo.FetchMaxWait(harness.DefaultFetchWait),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the last record of the log may be one
	)...)
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
	}
	defer cl.Close()
	for next := from; next < to; {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := FatalError(cfg, fetches); err != nil {
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
