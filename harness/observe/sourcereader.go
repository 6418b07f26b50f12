package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness/ledger"
)

// SourceReader reads the source once, with a client of its own. It emits a slot for each
// record of the run, in the order of each partition. Records of other runs are skipped. What
// is to be deleted is read before, and all else at the end. So it decides whether a record
// with an unknown outcome was appended. Safe for concurrent use.
type SourceReader struct {
	client *Client
	topic  Topic
	run    uint64
	emit   func(ledger.Slot) error

	mu   sync.Mutex
	read []int64 // read is up to where each partition was read.
}

// NewSourceReader makes a reader that has read nothing.
func NewSourceReader(c *Client, topic Topic, run uint64, emit func(ledger.Slot) error) *SourceReader {
	return &SourceReader{client: c, topic: topic, run: run, emit: emit, read: make([]int64, topic.Partitions)}
}

// ReadAll reads each partition from where it was read to its present end. Records that were
// deleted unread are an error, after it has read what is left.
func (r *SourceReader) ReadAll(ctx context.Context) error {
	ends, err := r.client.Ends(ctx, r.topic)
	if err != nil {
		return fmt.Errorf("final read: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readTo(ctx, ends)
}

// ReadBelow reads each named partition from where it was read to an offset.
func (r *SourceReader) ReadBelow(ctx context.Context, below map[int32]int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends := slices.Clone(r.read)
	for p, offset := range below {
		if p < 0 || int(p) >= len(ends) {
			return fmt.Errorf("read partition %d: the topic has %d partitions", p, len(ends))
		}
		ends[p] = max(ends[p], offset)
	}
	return r.readTo(ctx, ends)
}

// readTo reads each partition up to an end. The caller holds mu.
func (r *SourceReader) readTo(ctx context.Context, ends []int64) error {
	first := r.client.firstPartition(r.topic.Name) // what lies before was read to its end
	read, ends := r.read[first:], ends[first:]
	starts, err := r.client.startOffsets(ctx, r.topic.Name, len(ends))
	if err != nil {
		return fmt.Errorf("final read: %w", err)
	}
	var unread error
	for p, start := range starts {
		if start > read[p] {
			unread = errors.Join(unread, fmt.Errorf("final read: the log of partition %d begins at offset %d, and it was read up to %d: what lies between was deleted unread", p, start, read[p]))
			read[p] = start
		}
	}
	next, err := r.client.readLog(ctx, r.topic.Name, read, ends, kgo.ReadUncommitted(), func(record *logRecord) error { return r.emitRecord(record, first) })
	for p := range next { // a batch may reach past the end
		read[p] = max(read[p], min(next[p], ends[p]))
	}
	return errors.Join(unread, err)
}

// emitRecord emits a record, unless another run made it. first is the number in the ledger of the
// first partition.
func (r *SourceReader) emitRecord(record *logRecord, first int) error {
	if s, ok := r.appendedSlot(record); ok {
		s.Partition += int32(first)
		return r.emit(s)
	}
	return nil
}

// appendedSlot is the slot of a record. ok is false if another run made it, or it has no identity.
func (r *SourceReader) appendedSlot(record *logRecord) (s ledger.Slot, ok bool) {
	s = ledger.NewSlot(ledger.KindAppended, 0).With(ledger.OutcomeAcked)
	if err := identifySlot(&s, record, 0, r.run); err != nil {
		return s, false
	}
	if !r.topic.Keyless || len(record.key) > 0 {
		checkKey(&s, record)
	}
	s.SetAppended(record.timestamp * int64(time.Millisecond))
	return s, true
}
