package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/stampede-bench/stampede/harness"
)

const offsetsTopic = "__consumer_offsets"

// watchOffsetsTopic reads what the group coordinators write down. A commit and
// a classic group's new generation are there with the broker's time in ms; the
// moment is at most 1 ms later. KIP-848 groups are written in records that no
// library decodes, so those are described.
func (w *Watcher) watchOffsetsTopic(ctx context.Context) error {
	c := w.cfg.Client
	// Finding the coordinator makes Kafka create the topic.
	if err := c.adm.FindGroupCoordinators(ctx, c.Group).Error(); err != nil {
		return fmt.Errorf("find the coordinator: %w", err)
	}
	from, err := c.ends(ctx, offsetsTopic)
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
	r := &offsetsReader{w: w, cl: cl, read: from}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.run(ctx) })
	stopLooking := func() {}
	if w.cfg.Protocol == harness.Server {
		stopLooking = w.look(describeEvery, c.describe848)
	}
	w.stop = func(ctx context.Context) error {
		stopLooking()
		err := r.catchUp(ctx, c)
		cancel()
		wg.Wait()
		cl.Close()
		return err
	}
	return nil
}

// ends are the end offsets of any topic.
func (c *Client) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	ends := map[int32]int64{}
	err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
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
	w  *Watcher
	cl *kgo.Client

	mu   sync.Mutex
	read map[int32]int64 // read is the next offset to read, by partition
}

func (r *offsetsReader) run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := r.cl.PollFetches(ctx)
		// The wall clock may be stepped: map it to the monotonic one anew each time.
		wall := time.Now().UnixNano() - r.w.cfg.Clock.Now()
		fetches.EachRecord(func(rec *kgo.Record) {
			r.record(rec, wall)
			r.mu.Lock()
			r.read[rec.Partition] = rec.Offset + 1
			r.mu.Unlock()
		})
	}
}

// stampSlack is what a time in whole ms may have lost.
const stampSlack = int64(time.Millisecond)

func (r *offsetsReader) record(rec *kgo.Record, wall int64) {
	c := r.w.cfg.Client
	var commit kmsg.OffsetCommitKey
	if commit.ReadFrom(rec.Key) == nil && commit.Version <= 1 {
		var v kmsg.OffsetCommitValue
		if commit.Group == c.Group && commit.Topic == c.Topic && len(rec.Value) > 0 && v.ReadFrom(rec.Value) == nil {
			r.w.commit(harness.Commit{
				At: v.CommitTimestamp*int64(time.Millisecond) + stampSlack - wall, Partition: commit.Partition, Offset: v.Offset, Confirmed: true,
			})
		}
		return
	}
	var group kmsg.GroupMetadataKey
	if group.ReadFrom(rec.Key) != nil || group.Version != 2 || group.Group != c.Group || r.w.cfg.Protocol == harness.Server {
		return
	}
	var v kmsg.GroupMetadataValue
	if len(rec.Value) == 0 || v.ReadFrom(rec.Value) != nil {
		return
	}
	at := rec.Timestamp.UnixNano() - wall
	r.w.snapshot(generation(&v, c.Topic), at, at+stampSlack)
}

// generation is the group as a group metadata record has it.
func generation(v *kmsg.GroupMetadataValue, topic string) harness.Group {
	g := harness.Group{Generation: v.Generation, State: "Stable"}
	for _, m := range v.Members {
		member := harness.Member{ID: m.MemberID, ClientID: m.ClientID}
		var a kmsg.ConsumerMemberAssignment
		if len(m.Assignment) > 0 && a.ReadFrom(m.Assignment) == nil {
			for _, t := range a.Topics {
				if t.Topic == topic {
					member.Partitions = append(member.Partitions, t.Partitions...)
				}
			}
		}
		brought := ownedBefore(m.Subscription, topic)
		for _, p := range member.Partitions {
			if !slices.Contains(brought, p) {
				member.Fresh = append(member.Fresh, p)
			}
		}
		g.Members = append(g.Members, member)
	}
	return g
}

// ownedBefore are the partitions that a member said it had when it joined. Under
// the eager protocol it gives up all before, and says none.
func ownedBefore(subscription []byte, topic string) (owned []int32) {
	var s kmsg.ConsumerMemberMetadata
	if s.ReadFrom(subscription) != nil {
		return nil
	}
	for _, t := range s.OwnedPartitions {
		if t.Topic == topic {
			owned = append(owned, t.Partitions...)
		}
	}
	return owned
}

// catchUp waits until all that is written by now has been read.
func (r *offsetsReader) catchUp(ctx context.Context, c *Client) error {
	ends, err := c.ends(ctx, offsetsTopic)
	if err != nil {
		return fmt.Errorf("catch up with commits: %w", err)
	}
	err = poll(ctx, 10*time.Millisecond, func() (bool, error) {
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

// describe848 asks for a group of the KIP-848 protocol.
func (c *Client) describe848(ctx context.Context) (harness.Group, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	described, err := c.adm.DescribeConsumerGroups(ctx, c.Group)
	if err != nil {
		return harness.Group{}, fmt.Errorf("describe group %s: %w", c.Group, err)
	}
	return c.group(described[c.Group])
}

func (c *Client) group(d kadm.DescribedConsumerGroup) (harness.Group, error) {
	g := harness.Group{Generation: d.Epoch, State: d.State}
	if d.Err != nil {
		if errors.Is(d.Err, kerr.GroupIDNotFound) { // not formed yet
			return g, nil
		}
		return g, fmt.Errorf("describe group %s: %w", c.Group, d.Err)
	}
	for _, m := range d.Members {
		member := harness.Member{ID: m.MemberID, ClientID: m.ClientID}
		for p := range m.Assignment[c.Topic] {
			member.Partitions = append(member.Partitions, p)
		}
		g.Members = append(g.Members, member)
	}
	return g, nil
}
