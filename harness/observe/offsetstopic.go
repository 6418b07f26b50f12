package observe

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

const offsetsTopic = "__consumer_offsets"

// watchOffsetsTopic reads what the group coordinators write. A commit and a new
// generation of a classic group have the broker's time in ms there, at most 1 ms before
// the event. No library decodes the records of KIP-848 and share groups, so the watcher
// polls those groups.
func (w *Watcher) watchOffsetsTopic(ctx context.Context) error {
	c := w.cfg.Client
	// Finding the coordinator makes Kafka create the topic.
	if err := c.adm.FindGroupCoordinators(ctx, c.Group).Error(); err != nil {
		return fmt.Errorf("find the coordinator: %w", err)
	}
	from, err := c.endsOf(ctx, offsetsTopic)
	if err != nil {
		return err
	}
	start := map[int32]kgo.Offset{}
	for p, at := range from {
		start[p] = kgo.NewOffset().At(at)
	}
	cl, err := kgo.NewClient(append(slices.Clone(c.opts),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{offsetsTopic: start}),
		kgo.FetchMaxWait(100*time.Millisecond), kgo.KeepControlRecords())...)
	if err != nil {
		return err
	}
	r := &offsetsReader{w: w, cl: cl, read: from, staged: map[openTransaction][]harness.Commit{}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.follow(ctx) })
	stopPolling := func() {}
	if w.cfg.Protocol == harness.Server || w.cfg.Share || w.cfg.OwnGroups {
		stopPolling = w.pollGroups(pollNetworkEvery, w.describeGroups)
	}
	w.stop = func(ctx context.Context) error {
		stopPolling()
		err := r.catchUp(ctx, c)
		cancel()
		wg.Wait()
		cl.Close()
		return err
	}
	return nil
}

// endsOf are the end offsets of any topic.
func (c *Client) endsOf(ctx context.Context, topic string) (map[int32]int64, error) {
	ends := map[int32]int64{}
	err := pollUntil(ctx, 50*time.Millisecond, func() (bool, error) {
		listed, err := c.adm.ListEndOffsets(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil || len(listed[topic]) == 0 {
			return false, err
		}
		for p, o := range listed[topic] {
			ends[p] = o.Offset
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("end offsets of %s: %w", topic, err)
	}
	return ends, nil
}

// offsetsReader follows __consumer_offsets.
type offsetsReader struct {
	w      *Watcher
	cl     *kgo.Client
	staged map[openTransaction][]harness.Commit // commits that hold if and when their transaction does

	mu   sync.Mutex
	read map[int32]int64 // read is the next offset to read, by partition
}

// openTransaction is a producer with a transaction open on a partition of the topic.
type openTransaction struct {
	partition int32
	producer  int64
}

func (r *offsetsReader) follow(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := r.cl.PollFetches(ctx)
		// The wall clock may be stepped: map it to the monotonic one each time.
		wall := time.Now().UnixNano() - r.w.cfg.Clock.Now()
		fetches.EachRecord(func(rec *kgo.Record) {
			r.acceptRecord(rec, wall)
			r.mu.Lock()
			r.read[rec.Partition] = rec.Offset + 1
			r.mu.Unlock()
		})
	}
}

// stampSlack is what a time in whole ms may have lost.
const stampSlack = int64(time.Millisecond)

func (r *offsetsReader) acceptRecord(rec *kgo.Record, wall int64) {
	if rec.Attrs.IsControl() {
		r.endTransaction(rec, rec.Timestamp.UnixNano()+stampSlack-wall)
		return
	}
	if len(rec.Value) == 0 {
		return
	}
	prefix := r.w.cfg.Client.Group
	var commit kmsg.OffsetCommitKey
	if commit.ReadFrom(rec.Key) == nil && commit.Version <= 1 {
		var v kmsg.OffsetCommitValue
		if strings.HasPrefix(commit.Group, prefix) && isSaneCommit(rec.Value) && v.ReadFrom(rec.Value) == nil {
			r.stageCommit(rec, harness.Commit{
				At: v.CommitTimestamp*int64(time.Millisecond) + stampSlack - wall, Group: commit.Group, Topic: commit.Topic,
				Partition: commit.Partition, Offset: v.Offset, Metadata: v.Metadata, Confirmed: true,
			})
		}
		return
	}
	var key kmsg.GroupMetadataKey
	if key.ReadFrom(rec.Key) != nil || key.Version != 2 || !strings.HasPrefix(key.Group, prefix) {
		return
	}
	var v kmsg.GroupMetadataValue
	if len(rec.Value) < 2 {
		return
	}
	if version := binary.BigEndian.Uint16(rec.Value); version > 3 { // Kafka writes none that has tags
		r.w.keepError(fmt.Errorf("%s: a group of version %d, which cannot be read", offsetsTopic, version))
		return
	}
	if v.ReadFrom(rec.Value) != nil || key.Group == prefix && (r.w.cfg.Protocol == harness.Server || r.w.cfg.Share) {
		return
	}
	at := rec.Timestamp.UnixNano() - wall
	r.w.acceptWritten(groupOf(key.Group, &v), at, at+stampSlack)
}

// stageCommit records a commit, or keeps it until its transaction ends.
func (r *offsetsReader) stageCommit(rec *kgo.Record, c harness.Commit) {
	c.Transactional = rec.Attrs.IsTransactional()
	c = r.w.attribute(c)
	if !c.Transactional {
		r.w.recordCommit(c)
		return
	}
	at := openTransaction{rec.Partition, rec.ProducerID}
	r.staged[at] = append(r.staged[at], c)
}

// endTransaction takes the marker of the end of a transaction. Only the commits in it, and the
// wire, say which member made it.
func (r *offsetsReader) endTransaction(rec *kgo.Record, at int64) {
	var key kmsg.ControlRecordKey
	of := openTransaction{rec.Partition, rec.ProducerID}
	staged := r.staged[of]
	if key.ReadFrom(rec.Key) != nil || len(staged) == 0 {
		return
	}
	delete(r.staged, of)
	asked := staged[0].At
	t := harness.Transaction{At: at, ClientID: r.w.committerOf(staged[0]), ID: fmt.Sprintf("producer %d", rec.ProducerID), ProducerID: rec.ProducerID, Outcome: ledger.OutcomeCancelled}
	if key.Type == kmsg.ControlRecordKeyTypeCommit {
		t.Outcome = ledger.OutcomeConfirmed
		for _, c := range staged {
			c.Asked, c.At = c.At, at
			r.w.recordCommit(c)
		}
	}
	r.w.acceptMarker(t, asked)
}

// isSaneCommit reports whether the tags of a commit's value can be as many as it says.
// kmsg trusts that number, and a damaged one keeps it busy for a minute.
func isSaneCommit(value []byte) bool {
	const untilMetadata, stamp = 2 + 8 + 4, 8
	if len(value) < untilMetadata || binary.BigEndian.Uint16(value) < 4 {
		return true // without tags, or too short for any
	}
	metadata, n := binary.Uvarint(value[untilMetadata:])
	rest := value[untilMetadata+max(0, n):]
	if n <= 0 || metadata == 0 || metadata-1+stamp > uint64(len(rest)) {
		return false
	}
	tags, n := binary.Uvarint(rest[metadata-1+stamp:])
	return n > 0 && tags <= uint64(len(rest))
}

// groupOf is a group as a group metadata record has it.
func groupOf(name string, v *kmsg.GroupMetadataValue) harness.Group {
	g := harness.Group{Name: name, Generation: v.Generation, State: "Stable"}
	for _, m := range v.Members {
		member := harness.Member{ID: m.MemberID, ClientID: m.ClientID, Partitions: map[string][]int32{}, Fresh: map[string][]int32{}}
		brought := ownedBefore(m.Subscription)
		var a kmsg.ConsumerMemberAssignment
		if len(m.Assignment) > 0 && a.ReadFrom(m.Assignment) == nil {
			for _, t := range a.Topics {
				member.Partitions[t.Topic] = append(member.Partitions[t.Topic], t.Partitions...)
				for _, p := range t.Partitions {
					if !slices.Contains(brought[t.Topic], p) {
						member.Fresh[t.Topic] = append(member.Fresh[t.Topic], p)
					}
				}
			}
		}
		g.Members = append(g.Members, member)
	}
	return g
}

// ownedBefore are the partitions that a member said it had when it joined, by
// topic. Under the eager protocol it gives up all of them first, and reports no partition.
func ownedBefore(subscription []byte) map[string][]int32 {
	var s kmsg.ConsumerMemberMetadata
	owned := map[string][]int32{}
	if s.ReadFrom(subscription) != nil {
		return owned
	}
	for _, t := range s.OwnedPartitions {
		owned[t.Topic] = append(owned[t.Topic], t.Partitions...)
	}
	return owned
}

// catchUp waits until everything written before the call has been read.
func (r *offsetsReader) catchUp(ctx context.Context, c *Client) error {
	ends, err := c.endsOf(ctx, offsetsTopic)
	if err != nil {
		return fmt.Errorf("catch up with commits: %w", err)
	}
	err = pollUntil(ctx, 10*time.Millisecond, func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for p, end := range ends {
			if r.read[p] < end {
				return false, fmt.Errorf("partition %d of %s is read to %d of %d", p, offsetsTopic, r.read[p], end)
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("catch up with commits: %w", err)
	}
	return nil
}
