package consumers

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lane is an overflow topic with as many partitions as the source: partition p of it has
// copies of records of partition p of the source alone, which the owner of that makes, and a
// group of its own works them off. It is its own state: what of it that group has not
// committed past is what is left to do there. Safe for concurrent use.
type lane struct {
	claims
	topic  string
	group  string
	admin  *kadm.Client
	owners holders[*laneOwner]
}

func newLane(ctx context.Context, cfg harness.Config, topic, group string) (*lane, error) {
	claims, err := newClaims(ctx, cfg, group)
	if err != nil {
		return nil, err
	}
	return &lane{claims: claims, topic: topic, group: group, admin: kadm.NewClient(claims.asks.client)}, nil
}

// close waits for what the assignments had, all of which must have ended.
func (l *lane) close() {
	l.owners.wait()
	l.asks.close()
}

// to is where a record of the source goes.
func (l *lane) to(*kgo.Record) string { return l.topic }

// of is what the owner of a partition has of the lane under an assignment. It ends with that.
func (l *lane) of(a *assignment, partition int32) *laneOwner {
	return l.owners.of(a, func() *laneOwner { return newLaneOwner(l, a, partition) })
}

// committed is up to where the lane's group has worked a partition off.
func (l *lane) committed(ctx context.Context, partition int32) (int64, error) {
	offsets, err := l.admin.FetchOffsetsForTopics(ctx, l.group, l.topic)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return 0, nil // nobody has joined it yet
	}
	if err != nil {
		return 0, fmt.Errorf("how far the lane is: %w", err)
	}
	o, ok := offsets.Lookup(l.topic, partition)
	switch {
	case !ok:
		return 0, nil
	case o.Err != nil:
		return 0, fmt.Errorf("how far the lane is: %w", o.Err)
	}
	return max(0, o.At), nil
}

// end is where a partition of the lane ends.
func (l *lane) end(ctx context.Context, partition int32) (int64, error) {
	ends, err := l.admin.ListEndOffsets(ctx, l.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("where the lane ends: %w", err)
	}
	end, ok := ends.Lookup(l.topic, partition)
	if !ok {
		return 0, fmt.Errorf("%s has no partition %d", l.topic, partition)
	}
	return end.Offset, nil
}

// read has each copy that counts of a partition from one offset up to, not with, another.
func (l *lane) read(ctx context.Context, partition int32, from, to int64, each func(*kgo.Record)) error {
	return readBetween(ctx, l.cfg, l.topic, partition, from, to, func(r *kgo.Record) error {
		each(r)
		return nil
	})
}

// readBetween has each record that counts of a partition from one offset up to, not with,
// another, until there is an error.
func readBetween(ctx context.Context, cfg harness.Config, topic string, partition int32, from, to int64, each func(*kgo.Record) error) error {
	if from >= to {
		return nil
	}
	options, err := ClientOptions(cfg)
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
		if err := fatal(fetches); err != nil {
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
