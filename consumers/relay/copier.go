package relay

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Copier appends copies of records to side topics, each to the partition of its key. It
// has a client apart from the member's, so that a copy waits for no rebalance. Safe for
// concurrent use.
type Copier struct {
	client         *kgo.Client
	cancelRequests context.CancelFunc
}

// NewCopier makes a copier with more options of its client. [Copier.Close] must follow.
func NewCopier(ctx context.Context, cfg harness.Config, more ...kgo.Opt) (*Copier, error) {
	options, err := client.BaseOptions(cfg)
	if err != nil {
		return nil, err
	}
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	cl, err := kgo.NewClient(append(append(options,
		kgo.WithContext(requests),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0), // a worker waits for the copy
	), more...)...)
	if err != nil {
		cancelRequests()
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	return &Copier{client: cl, cancelRequests: cancelRequests}, nil
}

// Copy appends a copy of r to a topic, with more headers after its own. It returns nil once
// all replicas have the copy. It tries again until ctx ends; then it is unknown whether
// there is a copy.
func (c *Copier) Copy(ctx context.Context, topic string, r *harness.Record, more ...kgo.RecordHeader) error {
	to := &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		to.Headers = append(to.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	to.Headers = append(to.Headers, more...)
	for {
		err := client.Produce(ctx, c.client, to)
		if err == nil {
			return nil
		}
		if err := client.PauseRetry(ctx, err); err != nil {
			return fmt.Errorf("copy to %s: %w", topic, err)
		}
	}
}

// Close ends the client. Whether copies on their way arrive is unknown.
func (c *Copier) Close() {
	c.cancelRequests()
	c.client.Close()
}

// copyInTransaction appends copies of records, in order and in one transaction, to the topics
// that topicOf names. It returns the last copy. After an error all copies may be there or
// none, and the copier can only be closed. The copier must have a transactional id.
// One goroutine at a time may call it.
func (c *Copier) copyInTransaction(ctx context.Context, topicOf func(*kgo.Record) string, records []*kgo.Record) (last *kgo.Record, err error) {
	copies := copyRecords(topicOf, records)
	if err = c.client.BeginTransaction(); err == nil {
		err = client.Produce(ctx, c.client, copies...)
	}
	if err == nil {
		err = c.client.EndTransaction(ctx, kgo.TryCommit)
	}
	if err != nil {
		return nil, fmt.Errorf("copy to %s in a transaction: %w", copies[0].Topic, err)
	}
	return copies[len(copies)-1], nil
}

func copyRecords(topicOf func(*kgo.Record) string, records []*kgo.Record) []*kgo.Record {
	copies := make([]*kgo.Record, len(records))
	for i, r := range records {
		copies[i] = &kgo.Record{Topic: topicOf(r), Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	return copies
}

// failedHeader is the key of the headers that say where and why the work on a record failed.
// A record has one for each copy that was made for this reason.
const failedHeader = "failed"

// FailureHeader is a header for the copy of a record whose work failed: the place of r and
// the error.
func FailureHeader(r *harness.Record, err error) kgo.RecordHeader {
	return kgo.RecordHeader{Key: failedHeader, Value: fmt.Appendf(nil, "%s/%d@%d: %v", r.Topic, r.Partition, r.Offset, err)}
}
