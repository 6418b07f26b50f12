package consumers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lane is an overflow topic with as many partitions as the source: partition p of it has
// copies of records of partition p of the source alone, which the owner of that makes, and a
// group of its own works them off. It is its own state: what of it that group has not
// committed past is what is left to do there. Safe for concurrent use.
//
// The topic is enough where each copy of a key is appended after all before it of the
// key have been worked on or copied, see hotlane.go: a copy that comes late, of a pod
// that has lost the partition, then is of a record that its successor does again.
type lane struct {
	*copier
	cfg   harness.Config
	topic string
	group string
	admin *kadm.Client

	mu    sync.Mutex
	known map[*assignment]*laneKeys
}

func newLane(ctx context.Context, cfg harness.Config, topic, group string) (*lane, error) {
	c, err := newCopier(ctx, cfg, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	return &lane{copier: c, cfg: cfg, topic: topic, group: group, admin: kadm.NewClient(c.client), known: map[*assignment]*laneKeys{}}, nil
}

// laneKeys are the keys of one partition with copies in the lane that may not have been
// worked off, as its owner knows them under one assignment.
type laneKeys struct {
	read chan struct{} // read is closed once last has what was there before, or the assignment has ended
	err  error

	mu        sync.Mutex
	last      map[string]int64 // last has the offset of the last copy of each key
	committed int64
	asked     time.Time // asked is when the group was asked last
}

// keysOf are the keys of the partition of an assignment, once what was in the lane before
// has been read. The error is that of the assignment's context, which has ended.
func (l *lane) keysOf(a *assignment, partition int32) (*laneKeys, error) {
	l.mu.Lock()
	keys := l.known[a]
	if keys == nil {
		keys = &laneKeys{read: make(chan struct{}), last: map[string]int64{}}
		l.known[a] = keys
		context.AfterFunc(a.ctx, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.known, a)
		})
		l.mu.Unlock()
		keys.err = l.learn(a.ctx, partition, keys)
		close(keys.read)
		return keys, keys.err
	}
	l.mu.Unlock()
	<-keys.read
	return keys, keys.err
}

// learn reads what the group has not committed past, and tries again until ctx ends.
func (l *lane) learn(ctx context.Context, partition int32, keys *laneKeys) error {
	for {
		err := l.readTail(ctx, partition, keys)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("read the lane of partition %d: %w", partition, err)
		case <-time.After(retryPause):
		}
	}
}

func (l *lane) readTail(ctx context.Context, partition int32, keys *laneKeys) error {
	committed, err := l.committed(ctx, partition)
	if err != nil {
		return err
	}
	ends, err := l.admin.ListEndOffsets(ctx, l.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	end, ok := ends.Lookup(l.topic, partition)
	if !ok {
		return fmt.Errorf("%s has no partition %d", l.topic, partition)
	}
	keys.committed = committed
	if end.Offset <= committed {
		return nil
	}
	options, err := ClientOptions(l.cfg)
	if err != nil {
		return err
	}
	from := map[string]map[int32]kgo.Offset{l.topic: {partition: kgo.NewOffset().At(committed)}}
	client, err := kgo.NewClient(append(options, kgo.ConsumePartitions(from), kgo.FetchMaxWait(fetchMaxWait))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for next := committed; next < end.Offset; {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fatal(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			keys.last[string(r.Key)], next = r.Offset, r.Offset+1
		})
	}
	return nil
}

// committed is up to where the lane's group has worked a partition off.
func (l *lane) committed(ctx context.Context, partition int32) (int64, error) {
	offsets, err := l.admin.FetchOffsetsForTopics(ctx, l.group, l.topic)
	if err != nil {
		return 0, err
	}
	o, ok := offsets.Lookup(l.topic, partition)
	switch {
	case !ok:
		return 0, nil
	case o.Err != nil:
		return 0, o.Err
	}
	return max(0, o.At), nil
}

// in reports whether copies of a key may not have been worked off. What the group has
// committed is asked for again at most twice a commit interval: an older answer is too
// low, and only keeps keys where they are.
func (l *lane) in(ctx context.Context, partition int32, keys *laneKeys, key []byte) bool {
	last, is := keys.lookup(key)
	if !is {
		return false
	}
	keys.mu.Lock()
	ask := time.Since(keys.asked) > l.cfg.Commit/2
	if ask {
		keys.asked = time.Now()
	}
	keys.mu.Unlock()
	if ask {
		if committed, err := l.committed(ctx, partition); err == nil {
			keys.setCommitted(committed)
		}
	}
	return keys.has(key, last)
}

func (k *laneKeys) lookup(key []byte) (last int64, is bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, is = k.last[string(key)]
	return last, is
}

func (k *laneKeys) setCommitted(offset int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.committed = max(k.committed, offset)
}

// has forgets a key whose last copy is worked off.
func (k *laneKeys) has(key []byte, last int64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if last >= k.committed {
		return true
	}
	delete(k.last, string(key))
	return false
}

// divert appends copies of records of one key, in their order, and returns once the
// broker has all of them. The error is that of ctx, which has ended: then the first few of
// them may be there.
func (l *lane) divert(ctx context.Context, keys *laneKeys, records []*kgo.Record) error {
	last, err := l.copyAll(ctx, l.topic, records)
	if err != nil {
		return err
	}
	keys.mu.Lock()
	defer keys.mu.Unlock()
	keys.last[string(records[0].Key)] = last
	return nil
}
