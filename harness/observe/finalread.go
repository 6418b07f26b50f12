package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// ReadAll reads every partition from its start to its present end, as [SourceReader] does.
func (c *Client) ReadAll(ctx context.Context, partitions int, run uint64, emit func(ledger.Slot) error) error {
	return NewSourceReader(c, Topic{Name: c.Topic, Partitions: partitions}, run, emit).ReadAll(ctx)
}

// ReadSide reads a side topic with the given number from its start to its present end,
// with read_committed, and calls emit for each record. Of a topic of
// [harness.RoleRanges] it makes slots of KindDeferred, of any other slots of KindCopied.
// Their time is when the broker appended the record, or a little before. Records of
// another run are skipped. A record that cannot be read is corrupt and has no key.
//
// An open transaction hides what was appended after its begin. The read waits for its
// end until ctx ends, and then returns an error.
func (c *Client) ReadSide(ctx context.Context, topic string, number uint16, partitions int, role harness.Role, run uint64, clock ledger.Clock, emit func(ledger.Slot) error) error {
	ends, err := c.committedEnds(ctx, topic, partitions)
	if err != nil {
		return fmt.Errorf("final read of %s: %w", topic, err)
	}
	latest := make([]int64, partitions)
	_, err = c.readLog(ctx, topic, nil, ends, kgo.ReadCommitted(), func(r *logRecord) error {
		s := ledger.NewSlot(ledger.KindCopied, 0).With(ledger.OutcomeConfirmed)
		if role == harness.RoleRanges {
			s = deferredRangeOf(r, number)
		} else {
			err := identifySlot(&s, r, number, run)
			if errors.Is(err, errOtherRun) {
				return nil
			}
			if role.TakesOver() && err == nil {
				checkKey(&s, r)
			}
		}
		if r.transactional {
			s.Flags |= ledger.FlagTransactional
		}
		// Two readings of a pair of clocks differ by some nanoseconds. Without this, records of
		// one millisecond could change places.
		latest[r.partition] = max(latest[r.partition], clock.NotAfter(r.time()))
		s.SetAppended(latest[r.partition])
		return emit(s)
	})
	return err
}

// errOtherRun is the error of a whole record that another run made.
var errOtherRun = errors.New("a record of another run")

// identifySlot sets where a record lies and which record it is. The slot is corrupt if
// the value is.
func identifySlot(s *ledger.Slot, r *logRecord, topic uint16, run uint64) error {
	s.SetPosition(ledger.Position{Topic: topic, Partition: r.partition, Offset: r.offset})
	id, err := ledger.DecodeIdentity(r.value)
	switch {
	case errors.Is(err, ledger.ErrNoIdentity):
		s.SetRecord(&ledger.Identity{Key: ledger.NoIdentity, Seq: ledger.NoIdentity})
		s.Flags = ledger.FlagCorrupt
		return err
	case errors.Is(err, ledger.ErrChecksum):
		s.Flags = ledger.FlagCorrupt
	case id.Run != run:
		return errOtherRun
	}
	s.SetRecord(&id)
	return nil
}

// checkKey marks a whole record as corrupt whose key in Kafka is not that of its identity:
// the order of all records after it depends on the key. An output may have any key.
func checkKey(s *ledger.Slot, r *logRecord) {
	if !ledger.IsKey(r.key, s.Key()) {
		s.Flags |= ledger.FlagCorrupt
	}
}

// deferredRangeOf is the range of the source that a record defers.
func deferredRangeOf(r *logRecord, number uint16) ledger.Slot {
	s := ledger.NewSlot(ledger.KindDeferred, 0).With(ledger.OutcomeConfirmed)
	by := ledger.Position{Topic: number, Partition: r.partition, Offset: r.offset}
	var set harness.DeferredRange
	if err := json.Unmarshal(r.value, &set); err != nil || set.Partition < 0 || set.From < 0 || set.To < set.From {
		s.SetDeferral(by, 0, 0)
		s.Partition, s.Flags = -1, ledger.FlagCorrupt
		return s
	}
	s.SetDeferral(by, set.From, set.To)
	s.Partition = set.Partition
	return s
}

// committedEnds are the ends of a topic for a read_committed client, once no transaction
// is open.
func (c *Client) committedEnds(ctx context.Context, topic string, partitions int) ([]int64, error) {
	var ends []int64
	err := pollUntil(ctx, 50*time.Millisecond, func() (bool, error) {
		all, err := c.Ends(ctx, Topic{Name: topic, Partitions: partitions})
		if err != nil {
			return false, err
		}
		listed, err := c.adm.ListCommittedOffsets(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return false, err
		}
		for p, end := range all {
			if o, ok := listed.Lookup(topic, int32(p)); !ok || o.Offset < end {
				return false, fmt.Errorf("partition %d: a transaction is open at offset %d of %d", p, o.Offset, end)
			}
		}
		ends = all
		return true, nil
	})
	return ends, err
}
