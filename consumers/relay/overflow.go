package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// OverflowConsumer is a consumer that moves some keys to an overflow topic, in the order of
// each key. It is two members with the same workers: one of the source's group, which works
// on a record or copies it, and one of a group that consumes the overflow topic. The
// comment of hotlane says why the order holds.
type OverflowConsumer struct {
	// Topic is the name of the overflow topic among the side topics. It must have as many
	// partitions as the source.
	Topic string

	// Source makes the consumer of the source. Its workers copy with [OverflowPartition.Append]
	// whatever the overflow topic has, or should have.
	Source func(*Overflow) pool.Sharded

	// Overflow is the consumer of the overflow topic. Its Options and Wrap are set here.
	Overflow pool.Sharded
}

// Consume implements [harness.Consumer].
func (c OverflowConsumer) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	copies := cfg
	copies.Topic, copies.Group = cfg.SideTopics[c.Topic], cfg.Group+"."+c.Topic
	o, err := newOverflow(ctx, cfg, copies.Topic, copies.Group)
	if err != nil {
		return err
	}
	defer o.closeOverflow()
	slots := pool.NewSlots(cfg.Workers)
	source, overflow := c.Source(o), c.Overflow
	source.Wrap, overflow.Wrap = slots.Wrap, slots.Wrap
	overflow.Options = group.Options{ReadCommitted: true, KeepCompleted: true}
	return RunTogether(ctx,
		func(ctx context.Context) error { return source.Consume(ctx, cfg, work) },
		func(ctx context.Context) error { return overflow.Consume(ctx, copies, work) },
	)
}

// Overflow is a pod's view of an overflow topic. Its partition p has copies of records of
// partition p of the source, made by the owner of that. A group of its own consumes the
// copies. The topic is its own state: what the group has not committed past is left to
// do. Safe for concurrent use.
type Overflow struct {
	exclusiveCopiers
	topic      string
	group      string // group consumes the copies
	admin      *kadm.Client
	partitions perAssignment[*OverflowPartition]
}

func newOverflow(ctx context.Context, cfg harness.Config, topic, group string) (*Overflow, error) {
	copiers, err := newExclusiveCopiers(ctx, cfg, group)
	if err != nil {
		return nil, err
	}
	return &Overflow{exclusiveCopiers: copiers, topic: topic, group: group, admin: kadm.NewClient(copiers.queries.client)}, nil
}

// closeOverflow waits until all assignments are cleaned up. All of them must have ended.
func (o *Overflow) closeOverflow() {
	o.partitions.waitClosed()
	o.queries.Close()
}

func (o *Overflow) topicOf(*kgo.Record) string { return o.topic }

// Partition is the overflow partition of the source partition that a assigns. It is valid until
// a ends.
func (o *Overflow) Partition(a *group.Assignment) *OverflowPartition {
	return o.partitions.get(a, func() *OverflowPartition { return newOverflowPartition(o, a) })
}

// fetchCommitted is the committed offset of the overflow group.
func (o *Overflow) fetchCommitted(ctx context.Context, partition int32) (int64, error) {
	offsets, err := o.admin.FetchOffsetsForTopics(ctx, o.group, o.topic)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return 0, nil // no member has joined it yet
	}
	at, ok := offsets.Lookup(o.topic, partition)
	if err == nil && ok {
		err = at.Err
	}
	if err != nil {
		return 0, fmt.Errorf("fetch committed offset of overflow topic: %w", err)
	}
	if !ok {
		return 0, nil
	}
	return max(0, at.At), nil
}

// listEnd is the end offset of a partition.
func (o *Overflow) listEnd(ctx context.Context, partition int32) (int64, error) {
	ends, err := o.admin.ListEndOffsets(ctx, o.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("list end offset of overflow topic: %w", err)
	}
	end, ok := ends.Lookup(o.topic, partition)
	if !ok {
		return 0, fmt.Errorf("%s has no partition %d", o.topic, partition)
	}
	return end.Offset, nil
}

// readCopies calls each for every committed copy from offset from up to, and without, to.
func (o *Overflow) readCopies(ctx context.Context, partition int32, from, to int64, each func(*kgo.Record)) error {
	return client.ReadRange(ctx, o.cfg, o.topic, partition, from, to, func(r *kgo.Record) error {
		each(r)
		return nil
	})
}
