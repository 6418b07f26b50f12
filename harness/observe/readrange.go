package observe

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record of any topic. Its bytes are valid during a call only.
type Record struct {
	Partition  int32
	Offset     int64
	Time       time.Time
	Key, Value []byte // Key and Value are nil where the record has none.
}

// rangeBytes is how much of a partition one request of [Client.ReadRange] asks for: ranges are often short,
// and what is behind them costs a foreign cluster for nothing.
const rangeBytes = 128 << 10

// ReadRange calls emit for each record of a topic from the offsets in from to below those in to,
// by partition. Records of transactions that are open or were aborted are among them. It makes one call at a time.
// It joins no group. Until ctx ends it tries again where a broker does not respond.
func (c *Client) ReadRange(ctx context.Context, topic string, from, to []int64, emit func(Record) error) error {
	_, err := c.readLogBy(ctx, rangeBytes, topic, from, to, kgo.ReadUncommitted(), func(r *logRecord) error {
		return emit(Record{Partition: r.partition, Offset: r.offset, Time: r.time(), Key: r.key, Value: r.value})
	})
	return err
}

// EndOffsets are the ends of the partitions of any topic.
func (c *Client) EndOffsets(ctx context.Context, topic string, partitions int) ([]int64, error) {
	listed, err := c.adm.ListEndOffsets(ctx, topic)
	return offsetsOf(listed, err, topic, partitions)
}

// OffsetsAfter are the offsets of the first records at or after a time, and the end of a partition without one.
func (c *Client) OffsetsAfter(ctx context.Context, topic string, partitions int, at time.Time) ([]int64, error) {
	listed, err := c.adm.ListOffsetsAfterMilli(ctx, at.UnixMilli(), topic)
	return offsetsOf(listed, err, topic, partitions)
}

func offsetsOf(listed kadm.ListedOffsets, err error, topic string, partitions int) ([]int64, error) {
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	offsets := make([]int64, partitions)
	for p := range offsets {
		o, ok := listed.Lookup(topic, int32(p))
		if !ok {
			return nil, fmt.Errorf("offsets of %s: no offset for partition %d", topic, p)
		}
		offsets[p] = o.Offset
	}
	return offsets, nil
}
