package consumers

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cancelGrace is how long work whose context has ended is waited for.
const cancelGrace = time.Second

// member is this pod's place in the consumer group. It takes records under the
// assignments that the group gives it, commits their low watermarks on a clock
// of its own, and settles each assignment before it ends:
//
//   - Revoked: nothing new begins, what has begun is finished within the drain
//     budget and then cancelled, the watermark is committed, the rest dropped.
//   - Lost (the group has expelled us): all is cancelled and dropped, and
//     nothing is committed, since the partition may have a new owner.
//   - Lost, and not told yet (see [Fence]): the same.
//   - Lost, and not told at all (see [member.usurped]): the same, and then a new
//     member takes this one's place.
//   - The end of the consumer's context: as revoked, for all there is.
//
// The broker does not check who commits for a partition, so every commit is
// made under a lock that the end of an assignment takes too: none can carry an
// offset of a partition given back before.
type member struct {
	cfg    harness.Config
	how    intake
	client *kgo.Client
	window *window
	fence  Fence

	work   context.Context // work is the parent of all work: it outlives the consumer's context by the drain
	cancel context.CancelFunc
	hangUp context.CancelFunc // hangUp ends all requests of the client
	polls  context.Context    // polls ends with the consumer's context, and when the member is usurped
	stop   context.CancelFunc // stop ends polls and the commit clock, and starts the drain
	ended  chan struct{}      // ended is closed when the drain is over

	// replaced is set when a new member is to take this one's place, whose client is
	// in the middle of a join, or beyond, that is nobody's.
	replaced atomic.Bool

	// committing is a lock, full during a commit and during the end of an
	// assignment. It is held over the network, and a mutex held that long would
	// stop the clock where time is virtual.
	committing chan struct{}

	mu    sync.Mutex
	owned map[partition]*assignment
	wake  atomic.Pointer[context.CancelFunc] // wake ends the wait of one that has stock
}

// intake is what a design asks of its member beside records and commits.
type intake struct {
	keeps  bool // keeps: commits carry what is finished above them, and the next owner does not do it again (see [progress])
	shares bool // shares: of each partition it takes at most a share of the window (see [member.pollStock])

	due    func(*kgo.Record) time.Time // due is when a record may be taken, nil for at once; those of its partition behind it wait (see due.go)
	beside []string                    // beside are more topics that it takes, under the same window

	// skip is asked after each poll for a partition that is behind its end, while no
	// partition can be taken away: whether the records from an offset up to another are
	// somebody else's from now on. nil is never. An error ends the member.
	skip func(ctx context.Context, a *assignment, partition int32, from, to int64) (bool, error)

	committed bool // committed: of transactions it takes only those that were committed
}

// stocks says that what it takes lies in stock before.
func (h intake) stocks() bool { return h.shares || h.due != nil }

type partition struct {
	topic string
	id    int32
}

// join makes the client and becomes a member of the group, until ctx ends and
// [member.leave] is called, which must follow.
func join(ctx context.Context, cfg harness.Config, how intake) (*member, error) {
	m := &member{
		cfg:        cfg,
		how:        how,
		window:     newWindow(cfg.Window, cfg.Workers, cfg.MaxPoll),
		ended:      make(chan struct{}),
		committing: make(chan struct{}, 1),
		owned:      map[partition]*assignment{},
	}
	m.work, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	requests, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	m.hangUp = hangUp
	options := []kgo.Opt{
		kgo.WithContext(requests),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // held from a poll until its records are under their assignments, never while they are worked on
		kgo.OnPartitionsAssigned(func(_ context.Context, c *kgo.Client, ps map[string][]int32) { m.assigned(c, ps) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { m.revoked(ps) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { m.lost(ps) }),
	}
	if len(how.beside) > 0 {
		options = append(options, kgo.ConsumeTopics(append([]string{cfg.Topic}, how.beside...)...))
	}
	if how.committed {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.KeepControlRecords()) // lest the commit stops short of the log's end
	}
	if how.keeps {
		options = append(options, kgo.OnOffsetsFetched(m.told))
	}
	client, err := newClient(cfg, options...)
	if err != nil {
		m.cancel()
		m.hangUp()
		return nil, err
	}
	m.client = client
	m.polls, m.stop = context.WithCancel(ctx)
	go func() {
		defer close(m.ended)
		var watch sync.WaitGroup
		watch.Go(m.watch)
		m.commitEvery(m.polls, cfg.Commit)
		watch.Wait()
		m.drain(m.all())
	}()
	return m, nil
}

// poll waits for records and takes at most limit of them, as tasks behind those
// in into. It returns none when ctx has ended, and an error when the consumer
// cannot go on, or not as this member.
func (m *member) poll(ctx context.Context, limit int, into []task) ([]task, error) {
	if m.how.stocks() {
		return m.pollStock(ctx, limit, into)
	}
	fetches := m.client.PollRecords(m.polls, limit)
	defer m.client.AllowRebalance()
	if ctx.Err() != nil {
		return into, nil // what was polled all the same is never committed
	}
	if m.polls.Err() != nil {
		return into, ErrUsurped
	}
	if err := fatal(fetches); err != nil {
		return into, err
	}
	into = m.take(fetches, into)
	if m.how.skip != nil {
		m.skip(fetches)
	}
	return into, nil
}

// skip goes on at the end of partitions whose backlog is somebody else's from now on.
func (m *member) skip(fetches kgo.Fetches) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		m.mu.Lock()
		a := m.owned[partition{p.Topic, p.Partition}]
		m.mu.Unlock()
		if a == nil || len(p.Records) == 0 {
			return
		}
		last := p.Records[len(p.Records)-1]
		ctx, cancel := context.WithTimeout(m.polls, m.patience()) // others wait for us
		defer cancel()
		defer context.AfterFunc(a.ctx, cancel)()
		skipped, err := m.how.skip(ctx, a, p.Partition, last.Offset+1, p.HighWatermark)
		switch {
		case m.polls.Err() != nil: // what was skipped or not, the next owner begins at the commit
		case err != nil: // whether they are is in doubt
			a.halt()
			m.stop()
		case skipped:
			a.pass(p.HighWatermark-1, -1) // of what epoch the last record is that was skipped, nobody knows here
			m.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{p.Topic: {p.Partition: {Epoch: -1, Offset: p.HighWatermark}}})
		}
	})
}

// take makes tasks of what was fetched.
func (m *member) take(fetches kgo.Fetches, into []task) []task {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.how.keeps {
		return m.resume(fetches, into)
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if a := m.owned[partition{p.Topic, p.Partition}]; a != nil && len(p.Records) > 0 {
			into = a.take(p.Records, into)
		}
	})
	return into
}

// resume makes tasks of what was fetched and is not finished yet. The caller holds mu.
func (m *member) resume(fetches kgo.Fetches, into []task) []task {
	fetches.EachTopic(func(t kgo.FetchTopic) {
		for _, p := range t.Partitions {
			if a := m.owned[partition{t.Topic, p.Partition}]; a != nil && len(p.Records) > 0 {
				into = a.resume(t.TopicID, p.HighWatermark, p.Records, into)
			}
		}
	})
	return into
}

// told has what the group knows of the partitions that it has given.
func (m *member) told(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range resp.Groups {
		for _, t := range g.Topics { // of one topic, which newer brokers do not name
			for _, p := range t.Partitions {
				a := m.owned[partition{m.cfg.Topic, p.Partition}]
				if a != nil && p.ErrorCode == 0 && p.Metadata != nil {
					a.tell(kgo.EpochOffset{Epoch: p.LeaderEpoch, Offset: p.Offset}, *p.Metadata)
				}
			}
		}
	}
	return nil
}

// leave settles what is still in hand, commits it, and leaves the group. No
// poll may be under way. workers waits for the design's own workers, which find
// nothing to do once the drain is over.
func (m *member) leave(workers func()) {
	// One budget for all that follows. In a rebalance that another member holds up,
	// each commit and the leaving itself would wait as long as a broker may take.
	defer time.AfterFunc(m.cfg.Drain+m.patience(), m.cancel).Stop()
	m.stop()
	<-m.ended
	workers()
	m.end(m.all(), true)
	ctx, cancel := context.WithTimeout(m.work, m.patience())
	defer cancel()
	id, _ := m.client.GroupMetadata()
	if m.replaced.Load() {
		m.hangUp()
	}
	Leave(ctx, m.client, m.hangUp)
	if m.replaced.Load() {
		Dismiss(ctx, m.cfg, id)
	}
	m.cancel()
}

// Leave has a client leave its group and closes it; hangUp ends all its requests.
// Without an answer until ctx ends the group finds out at the session timeout: Close
// alone would wait for one much longer, and for the end of a rebalance that waits for
// somebody else.
func Leave(ctx context.Context, client *kgo.Client, hangUp func()) {
	client.AllowRebalance()
	if client.LeaveGroupContext(ctx) != nil {
		hangUp()
	}
	client.Close()
	client.AllowRebalance() // Close polls once more and may wait for itself in a goroutine it leaves behind
	hangUp()
}

// patience is how long a broker is waited for where others wait for us.
func (m *member) patience() time.Duration { return m.cfg.Session / 2 }

func (m *member) assigned(client *kgo.Client, given map[string][]int32) {
	m.end(m.those(given), false)    // there are none unless a revocation was missed
	id, _ := client.GroupMetadata() // it may come before m has the client
	if m.how.stocks() {
		client.ResumeFetchPartitions(given) // they may have been paused when they were ours before
		defer m.awake()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for topic, ids := range given {
		for _, p := range ids {
			a := newAssignment(m.work, m.window)
			a.member, a.hungry = id, m.awake
			if m.how.keeps {
				a.kept = newProgress(p)
			}
			m.owned[partition{topic, p}] = a
		}
	}
}

func (m *member) revoked(taken map[string][]int32) {
	ending := m.those(taken)
	m.drain(ending)
	m.end(ending, true)
}

func (m *member) lost(taken map[string][]int32) { m.forsake(m.those(taken)) }

// drain lets the work under way finish, within the budget, and then cancels it.
func (m *member) drain(ending map[partition]*assignment) {
	for _, a := range ending {
		a.close()
	}
	if await(ending, m.cfg.Drain) {
		return
	}
	abandon(ending)
	await(ending, cancelGrace)
}

// end gives assignments up, after a last commit if they are still ours to
// commit. Where that fails the next owner repeats what was not committed.
func (m *member) end(ending map[partition]*assignment, ours bool) {
	if len(ending) == 0 {
		return
	}
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	if ours {
		m.commitLast(ending)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, a := range ending {
		if m.owned[p] == a {
			delete(m.owned, p)
		}
		a.retire()
	}
}

// all are the assignments there are now.
func (m *member) all() map[partition]*assignment {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[partition]*assignment, len(m.owned))
	for p, a := range m.owned {
		all[p] = a
	}
	return all
}

// those are the assignments of the partitions named.
func (m *member) those(named map[string][]int32) map[partition]*assignment {
	m.mu.Lock()
	defer m.mu.Unlock()
	those := map[partition]*assignment{}
	for topic, ids := range named {
		for _, id := range ids {
			if a := m.owned[partition{topic, id}]; a != nil {
				those[partition{topic, id}] = a
			}
		}
	}
	return those
}
