package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Overflow is an overflow topic with as many partitions as the source: partition p of it has
// copies of records of partition p of the source alone, which the owner of that makes, and a
// group of its own works them off. It is its own state: what of it that group has not
// committed past is what is left to do there. Safe for concurrent use.
type Overflow struct {
	exclusiveCopiers
	topic  string
	group  string
	admin  *kadm.Client
	owners perAssignment[*OverflowPartition]
}

func newOverflow(ctx context.Context, cfg harness.Config, topic, group string) (*Overflow, error) {
	claims, err := newExclusiveCopiers(ctx, cfg, group)
	if err != nil {
		return nil, err
	}
	return &Overflow{exclusiveCopiers: claims, topic: topic, group: group, admin: kadm.NewClient(claims.queries.client)}, nil
}

// closeOverflow waits for what the assignments had, all of which must have ended.
func (l *Overflow) closeOverflow() {
	l.owners.waitClosed()
	l.queries.Close()
}

// topicOf is where a record of the source goes.
func (l *Overflow) topicOf(*kgo.Record) string { return l.topic }

// Partition is what the owner of a partition of the source knows of the overflow topic,
// under an assignment and until that ends.
func (l *Overflow) Partition(a *group.Assignment) *OverflowPartition {
	return l.owners.get(a, func() *OverflowPartition { return newOverflowPartition(l, a) })
}

// fetchCommitted is up to where the lane's group has worked a partition off.
func (l *Overflow) fetchCommitted(ctx context.Context, partition int32) (int64, error) {
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

// listEnd is where a partition of the lane ends.
func (l *Overflow) listEnd(ctx context.Context, partition int32) (int64, error) {
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

// readCopies has each copy that counts of a partition from one offset up to, not with, another.
func (l *Overflow) readCopies(ctx context.Context, partition int32, from, to int64, each func(*kgo.Record)) error {
	return client.ReadRange(ctx, l.cfg, l.topic, partition, from, to, func(r *kgo.Record) error {
		each(r)
		return nil
	})
}
