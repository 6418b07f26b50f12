package observe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// fetchBytes is how much of a partition one request asks for: enough for the
	// request to cost nothing, and little enough that records are still in the
	// processor's cache when they are looked at.
	fetchBytes = 512 << 10
	fetchPause = 50 * time.Millisecond // between two tries
)

// logReader reads a topic once, from an offset or the start of each partition to an end. A consuming
// client would keep a million records in memory. Here each response is read as it
// comes, into one set of records that serves again for the next.
type logReader struct {
	client       *Client
	topic        string
	ends         []int64
	isolation    kgo.IsolationLevel
	bytes        int32 // bytes are how much of a partition one request asks for.
	decompressor kgo.Decompressor

	emitting sync.Mutex // guards emit
	emit     func(*logRecord) error

	next []int64 // by partition, of the goroutine that reads it
}

// readLog calls emit for each record of a topic below ends, except for control records, and
// returns up to where it has read. from is where it begins; nil is the start of the log. It
// makes one call at a time, in the order of the log within a partition. emit may not
// keep a record. Where a broker does not respond or does not have the partition any
// more, readLog retries until ctx ends.
func (c *Client) readLog(ctx context.Context, topic string, from, ends []int64, isolation kgo.IsolationLevel, emit func(*logRecord) error) ([]int64, error) {
	return c.readLogBy(ctx, fetchBytes, topic, from, ends, isolation, emit)
}

// readLogBy is readLog with so many bytes of a partition in a request.
func (c *Client) readLogBy(ctx context.Context, bytes int32, topic string, from, ends []int64, isolation kgo.IsolationLevel, emit func(*logRecord) error) ([]int64, error) {
	l := &logReader{client: c, bytes: bytes, topic: topic, ends: ends, isolation: isolation, decompressor: kgo.DefaultDecompressor(), emit: emit, next: slices.Clone(from)}
	for {
		err := l.readOnce(ctx)
		switch left := l.countUnread(); {
		case l.next != nil && left == 0:
			return l.next, nil
		case errors.As(err, new(permanentError)):
			return l.next, fmt.Errorf("final read of %s: %w", topic, err)
		case ctx.Err() != nil:
			return l.next, fmt.Errorf("final read of %s: %d partitions are not read to their end: %w", topic, left, errors.Join(ctx.Err(), err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(fetchPause):
		}
	}
}

// permanentError is an error that a retry does not repair.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// startOffsets are the first offsets of the partitions, 0 of one that does not exist.
func (c *Client) startOffsets(ctx context.Context, topic string, partitions int) ([]int64, error) {
	listed, err := c.adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	starts := make([]int64, partitions)
	for p := range starts {
		if o, ok := listed.Lookup(topic, int32(p)); ok {
			starts[p] = o.Offset
		}
	}
	return starts, nil
}

// countUnread is how many partitions are not read to their end.
func (l *logReader) countUnread() (n int) {
	for p, end := range l.ends {
		if end > 0 && (l.next == nil || l.next[p] < end) {
			n++
		}
	}
	return n
}

// readOnce reads from all leaders at the same time, until each has no more records or
// fails.
func (l *logReader) readOnce(ctx context.Context) (err error) {
	if l.next == nil {
		if l.next, err = l.client.startOffsets(ctx, l.topic, len(l.ends)); err != nil {
			return err
		}
	}
	meta, err := l.client.adm.Metadata(ctx, l.topic)
	if err != nil {
		return err
	}
	t := meta.Topics[l.topic]
	if t.Err != nil {
		return t.Err
	}
	led := map[int32][]int32{}
	for p, d := range t.Partitions {
		if int(p) < len(l.ends) && d.Leader >= 0 {
			led[d.Leader] = append(led[d.Leader], p)
		}
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(led))
	for leader, partitions := range led {
		wg.Go(func() { errs <- l.readFromLeader(ctx, leader, t.ID, partitions) })
	}
	wg.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

// readFromLeader reads the partitions that one broker leads.
func (l *logReader) readFromLeader(ctx context.Context, leader int32, id [16]byte, partitions []int32) error {
	broker, records := l.client.kgo.Broker(int(leader)), &recordArena{}
	for {
		req := l.newRequest(id, partitions)
		if len(req.Topics[0].Partitions) == 0 {
			return nil
		}
		resp, err := req.RequestWith(ctx, broker)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return err
		}
		for i := range resp.Topics {
			for k := range resp.Topics[i].Partitions {
				if err := l.acceptResponse(&resp.Topics[i].Partitions[k], records); err != nil {
					return err
				}
			}
		}
	}
}

// newRequest asks for what is left of the partitions.
func (l *logReader) newRequest(id [16]byte, partitions []int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	// The limit is by partition. At the limit of a whole response kfake leaves out which
	// transactions of the last partition were aborted.
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 100, 1, math.MaxInt32
	if l.isolation == kgo.ReadCommitted() {
		req.IsolationLevel = 1
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = l.topic, id
	for _, p := range partitions {
		if l.next[p] < l.ends[p] {
			fp := kmsg.NewFetchRequestTopicPartition()
			fp.Partition, fp.FetchOffset, fp.PartitionMaxBytes = p, l.next[p], l.bytes
			t.Partitions = append(t.Partitions, fp)
		}
	}
	req.Topics = append(req.Topics, t)
	return req
}

// acceptResponse reads the records of one partition of a response.
func (l *logReader) acceptResponse(rp *kmsg.FetchResponseTopicPartition, records *recordArena) error {
	if rp.Partition < 0 || int(rp.Partition) >= len(l.ends) {
		return permanentError{fmt.Errorf("a response for partition %d, which was not requested", rp.Partition)}
	}
	l.emitting.Lock()
	defer l.emitting.Unlock()
	end := l.ends[rp.Partition]
	emit := func(r *logRecord) error {
		if r.offset >= end {
			return nil // appended after the end was read
		}
		if err := l.emit(r); err != nil {
			return permanentError{err}
		}
		return nil
	}
	p := &l.next[rp.Partition]
	if rp.ErrorCode == 0 {
		var err error
		if rp.RecordBatches, *p, err = readPlainBatches(rp.RecordBatches, rp.Partition, *p, emit); err != nil {
			return err
		}
	}
	return l.acceptOtherBatches(rp, records, emit)
}

// acceptOtherBatches reads the records that are not in plain batches.
func (l *logReader) acceptOtherBatches(rp *kmsg.FetchResponseTopicPartition, records *recordArena, emit func(*logRecord) error) error {
	records.used = 0
	read, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: l.next[rp.Partition], IsolationLevel: l.isolation, Topic: l.topic, Partition: rp.Partition, Pools: []kgo.Pool{records},
	}, rp, l.decompressor, nil)
	if err := read.Err; err != nil {
		if err = fmt.Errorf("partition %d: %w", rp.Partition, err); !kerr.IsRetriable(read.Err) {
			return permanentError{err}
		}
		return err
	}
	for _, r := range read.Records {
		record := recordOf(r)
		if err := emit(&record); err != nil {
			return err
		}
	}
	l.next[rp.Partition] = next
	return nil
}

// recordArena is the memory for the records of one partition of a response. It
// is a [kgo.PoolRecords] that never takes anything back: used is set to zero
// when all records have been looked at.
type recordArena struct {
	records []kgo.Record
	used    int
}

// GetRecords implements [kgo.PoolRecords].
func (a *recordArena) GetRecords(n int) []kgo.Record {
	if a.used+n > len(a.records) {
		a.records, a.used = make([]kgo.Record, 2*(a.used+n)), 0 // those handed out before stay where they are
	}
	from := a.used
	a.used += n
	return a.records[from:from:a.used]
}

// PutRecords implements [kgo.PoolRecords].
func (a *recordArena) PutRecords([]kgo.Record) {}
