package observe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// ReadAll reads every partition from its start to the end it has now, with a
// fresh client, and calls emit for each record of the run in the order of the
// log; another's records are left out. It turns what the producer did not know
// into landed or absent.
func (c *Client) ReadAll(ctx context.Context, partitions int, run uint64, emit func(ledger.Slot) error) error {
	ends, err := c.Ends(ctx, partitions)
	if err != nil {
		return fmt.Errorf("final read: %w", err)
	}
	from := map[int32]kgo.Offset{}
	for p, end := range ends {
		if end > 0 {
			from[int32(p)] = kgo.NewOffset().AtStart()
		}
	}
	if len(from) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(append(c.opts[:len(c.opts):len(c.opts)],
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(100*time.Millisecond), kgo.FetchMaxBytes(64<<20), kgo.KeepControlRecords(), kgo.KeepRetryableFetchErrors())...)
	if err != nil {
		return fmt.Errorf("final read: %w", err)
	}
	defer cl.Close()
	left := maps.Clone(from) // partitions not read to their end
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("final read: %d partitions are not read to their end: %w", len(left), err)
		}
		var failed error
		fetches.EachError(func(_ string, p int32, err error) {
			if !kerr.IsRetriable(err) && !errors.Is(err, context.DeadlineExceeded) {
				failed = fmt.Errorf("final read: partition %d: %w", p, err)
			}
		})
		if failed != nil {
			return failed
		}
		fetches.EachPartition(func(tp kgo.FetchTopicPartition) {
			for _, r := range tp.Records {
				if _, open := left[r.Partition]; !open || r.Offset >= ends[r.Partition] {
					continue // written after the end was taken, or read already
				}
				if failed == nil {
					failed = landed(r, run, emit)
				}
				if r.Offset == ends[r.Partition]-1 {
					delete(left, r.Partition)
				}
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

func landed(r *kgo.Record, run uint64, emit func(ledger.Slot) error) error {
	id, err := ledger.DecodeIdentity(r.Value)
	if r.Attrs.IsControl() || err != nil || id.Run != run {
		return nil
	}
	s := ledger.NewSlot(ledger.KindLanded, 0).With(ledger.OutcomeAcked)
	s.Partition, s.Offset, s.Key, s.Seq = r.Partition, r.Offset, id.Key, id.Seq
	s.Due, s.Sent, s.Start = id.Due, id.Sent, r.Timestamp.UnixNano()
	return emit(s)
}
