package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Copier appends copies of records to topics of the pod's own, each in the
// partition of its key. It is a client apart from the member's, so that a copy
// waits for no rebalance. Safe for concurrent use.
type Copier struct {
	client         *kgo.Client
	cancelRequests context.CancelFunc
}

// NewCopier makes a copier, with options of its own; [Copier.Close] must follow.
func NewCopier(ctx context.Context, cfg harness.Config, more ...kgo.Opt) (*Copier, error) {
	options, err := client.BaseOptions(cfg)
	if err != nil {
		return nil, err
	}
	requests, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	client, err := kgo.NewClient(append(append(options,
		kgo.WithContext(requests),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0), // whoever copies waits for it
	), more...)...)
	if err != nil {
		hangUp()
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	return &Copier{client: client, cancelRequests: hangUp}, nil
}

// Copy appends a copy of r to a topic, with more headers behind its own, and
// returns nil once all replicas have it. It tries again until ctx ends; then a
// copy may be there or not.
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

func copyRecords(to func(*kgo.Record) string, records []*kgo.Record) []*kgo.Record {
	copies := make([]*kgo.Record, len(records))
	for i, r := range records {
		copies[i] = &kgo.Record{Topic: to(r), Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	return copies
}

// copyInTransaction appends copies of records to the topics that to says, in their order and in one
// transaction, and returns the last of them. After an error they may all be there or none, and the copier,
// which must be one with a transactional id, can only be closed. It is for one call at a time.
func (c *Copier) copyInTransaction(ctx context.Context, to func(*kgo.Record) string, records []*kgo.Record) (last *kgo.Record, err error) {
	copies := copyRecords(to, records)
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

// failedHeader is the key of the headers that say where, and why, the work on a record
// failed, one for each time that it was copied for that.
const failedHeader = "failed"

// FailureHeader is the header of a copy that is made since the work on r failed.
func FailureHeader(r *harness.Record, err error) kgo.RecordHeader {
	return kgo.RecordHeader{Key: failedHeader, Value: fmt.Appendf(nil, "%s/%d@%d: %v", r.Topic, r.Partition, r.Offset, err)}
}

// Close ends the client. What is on its way may arrive or not.
func (c *Copier) Close() {
	c.cancelRequests()
	c.client.Close()
}

// RunTogether runs parts of a consumer side by side, as its members of several
// groups. The first that returns ends the others; the error is that of all.
func RunTogether(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() {
			defer cancel()
			ended <- part(ctx)
		}()
	}
	var errs error
	for range parts {
		errs = errors.Join(errs, <-ended)
	}
	return errs
}
