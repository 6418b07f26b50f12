package group

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CancelGrace is how long work whose context has ended is waited for.
const CancelGrace = time.Second

// Member is this pod's place in the consumer group. It takes records under the
// assignments that the group gives it, commits their low watermarks on a clock
// of its own, and settles each assignment before it ends:
//
//   - Revoked: nothing new begins, what has begun is finished within the drain
//     budget and then cancelled, the watermark is committed, the rest dropped.
//   - Lost (the group has expelled us): all is cancelled and dropped, and
//     nothing is committed, since the partition may have a new owner.
//   - Lost, and not told yet (see [Fence]): the same.
//   - Lost, and not told at all (see [Member.hasRejoined]): the same, and then a new
//     member takes this one's place.
//   - The end of the consumer's context: as revoked, for all there is.
//
// The broker does not check who commits for a partition, so every commit is
// made under a lock that the end of an assignment takes too: none can carry an
// offset of a partition given back before.
type Member struct {
	cfg     harness.Config
	options Options
	client  *kgo.Client
	window  *Window
	fence   Fence

	work           context.Context // work is the parent of all work: it outlives the consumer's context by the drain
	cancel         context.CancelFunc
	cancelRequests context.CancelFunc // cancelRequests ends all requests of the client
	polls          context.Context    // polls ends with the consumer's context, and when the member is usurped
	stopPolls      context.CancelFunc // stopPolls ends polls and the commit clock, and starts the drain
	ended          chan struct{}      // ended is closed when the drain is over

	// rejoined is set when a new member is to take this one's place, whose client is
	// in the middle of a join, or beyond, that is nobody's.
	rejoined atomic.Bool

	// committing is a lock, full during a commit and during the end of an
	// assignment. It is held over the network, and a mutex held that long would
	// stop the clock where time is virtual.
	committing chan struct{}

	mu          sync.Mutex
	assignments map[TopicPartition]*Assignment
	wakeUp      atomic.Pointer[context.CancelFunc] // wakeUp ends the wait of one that has stock
}

// Options is what a design asks of its member beside records and commits.
type Options struct {
	KeepCompleted   bool // KeepCompleted: commits carry what is finished above them, and the next owner does not do it again (see [handover])
	PartitionQuotas bool // PartitionQuotas: of each partition it takes at most a share of the window (see [Member.pollBuffered])

	Due        func(*kgo.Record) time.Time // Due is when a record may be taken, nil for at once; those of its partition behind it wait (see due.go)
	MoreTopics []string                    // MoreTopics are more topics that it takes, under the same window

	// SkipBacklog is asked after each poll for a partition that is behind its end, while no
	// partition can be taken away: whether the records from an offset up to another are
	// somebody else's from now on. nil is never. An error ends the member.
	SkipBacklog func(ctx context.Context, a *Assignment, from, to int64) (bool, error)

	ReadCommitted bool // ReadCommitted: of transactions it takes only those that were committed
}

// buffersRecords says that what it takes lies in stock before.
func (h Options) buffersRecords() bool { return h.PartitionQuotas || h.Due != nil }

type TopicPartition struct {
	Topic     string
	Partition int32
}

// Join makes the client and becomes a member of the group, until ctx ends and
// [Member.Leave] is called, which must follow.
func Join(ctx context.Context, cfg harness.Config, how Options) (*Member, error) {
	m := &Member{
		cfg:         cfg,
		options:     how,
		window:      NewWindow(cfg.Window, cfg.Workers, cfg.MaxPoll),
		ended:       make(chan struct{}),
		committing:  make(chan struct{}, 1),
		assignments: map[TopicPartition]*Assignment{},
	}
	m.work, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	requests, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	m.cancelRequests = hangUp
	options := []kgo.Opt{
		kgo.WithContext(requests),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // held from a poll until its records are under their assignments, never while they are worked on
		kgo.OnPartitionsAssigned(func(_ context.Context, c *kgo.Client, ps map[string][]int32) { m.onAssigned(c, ps) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { m.onRevoked(ps) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { m.onLost(ps) }),
	}
	if len(how.MoreTopics) > 0 {
		options = append(options, kgo.ConsumeTopics(append([]string{cfg.Topic}, how.MoreTopics...)...))
	}
	if how.ReadCommitted {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.KeepControlRecords()) // lest the commit stops short of the log's end
	}
	if how.KeepCompleted {
		options = append(options, kgo.OnOffsetsFetched(m.onOffsetsFetched))
	}
	client, err := client.NewMember(cfg, options...)
	if err != nil {
		m.cancel()
		m.cancelRequests()
		return nil, err
	}
	m.client = client
	m.polls, m.stopPolls = context.WithCancel(ctx)
	go func() {
		defer close(m.ended)
		var watch sync.WaitGroup
		watch.Go(m.watchMembership)
		m.runCommitClock(m.polls, cfg.Commit)
		watch.Wait()
		m.drainAssignments(m.allAssignments())
	}()
	return m, nil
}

// Config is the configuration of the pod.
func (m *Member) Config() harness.Config { return m.cfg }

// Fence keeps the member's work back while it is unknown whether the pod is still a member.
func (m *Member) Fence() *Fence { return &m.fence }

// WaitForRoom returns how many records the window has room for, once that is worth a
// poll, or 0 when ctx has ended.
func (m *Member) WaitForRoom(ctx context.Context) int { return m.window.WaitForRoom(ctx) }

// Stop ends the member's polls, as if it had to leave: the next returns [ErrRejoined].
func (m *Member) Stop() { m.stopPolls() }

// Poll waits for records and takes at most limit of them, as tasks behind those
// in into. It returns none when ctx has ended, and an error when the consumer
// cannot go on, or not as this member.
func (m *Member) Poll(ctx context.Context, limit int, into []Task) ([]Task, error) {
	if m.options.buffersRecords() {
		return m.pollBuffered(ctx, limit, into)
	}
	fetches := m.client.PollRecords(m.polls, limit)
	defer m.client.AllowRebalance()
	if ctx.Err() != nil {
		return into, nil // what was polled all the same is never committed
	}
	if m.polls.Err() != nil {
		return into, ErrRejoined
	}
	if err := client.FatalError(fetches); err != nil {
		return into, err
	}
	into = m.acceptFetched(fetches, into)
	if m.options.SkipBacklog != nil {
		m.skipBacklogs(fetches)
	}
	return into, nil
}

// skipBacklogs goes on at the end of partitions whose backlog is somebody else's from now on.
func (m *Member) skipBacklogs(fetches kgo.Fetches) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		m.mu.Lock()
		a := m.assignments[TopicPartition{p.Topic, p.Partition}]
		m.mu.Unlock()
		if a == nil || len(p.Records) == 0 {
			return
		}
		last := p.Records[len(p.Records)-1]
		ctx, cancel := context.WithTimeout(m.polls, m.brokerTimeout()) // others wait for us
		defer cancel()
		defer context.AfterFunc(a.ctx, cancel)()
		skipped, err := m.options.SkipBacklog(ctx, a, last.Offset+1, p.HighWatermark)
		switch {
		case m.polls.Err() != nil: // what was skipped or not, the next owner begins at the commit
		case err != nil: // whether they are is in doubt
			a.Halt()
			m.stopPolls()
		case skipped:
			a.passOffset(p.HighWatermark-1, -1) // of what epoch the last record is that was skipped, nobody knows here
			m.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{p.Topic: {p.Partition: {Epoch: -1, Offset: p.HighWatermark}}})
		}
	})
}

// acceptFetched makes tasks of what was fetched.
func (m *Member) acceptFetched(fetches kgo.Fetches, into []Task) []Task {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.options.KeepCompleted {
		return m.acceptUncompleted(fetches, into)
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if a := m.assignments[TopicPartition{p.Topic, p.Partition}]; a != nil && len(p.Records) > 0 {
			into = a.Accept(p.Records, into)
		}
	})
	return into
}

// acceptUncompleted makes tasks of what was fetched and is not finished yet. The caller holds mu.
func (m *Member) acceptUncompleted(fetches kgo.Fetches, into []Task) []Task {
	fetches.EachTopic(func(t kgo.FetchTopic) {
		for _, p := range t.Partitions {
			if a := m.assignments[TopicPartition{t.Topic, p.Partition}]; a != nil && len(p.Records) > 0 {
				into = a.acceptUncompleted(t.TopicID, p.HighWatermark, p.Records, into)
			}
		}
	})
	return into
}

// onOffsetsFetched has what the group knows of the partitions that it has given.
func (m *Member) onOffsetsFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range resp.Groups {
		for _, t := range g.Topics { // of one topic, which newer brokers do not name
			for _, p := range t.Partitions {
				a := m.assignments[TopicPartition{m.cfg.Topic, p.Partition}]
				if a != nil && p.ErrorCode == 0 && p.Metadata != nil {
					a.setPreviousCommit(kgo.EpochOffset{Epoch: p.LeaderEpoch, Offset: p.Offset}, *p.Metadata)
				}
			}
		}
	}
	return nil
}

// Leave settles what is still in hand, commits it, and leaves the group. No
// poll may be under way. workers waits for the design's own workers, which find
// nothing to do once the drain is over.
func (m *Member) Leave(workers func()) {
	// One budget for all that follows. In a rebalance that another member holds up,
	// each commit and the leaving itself would wait as long as a broker may take.
	defer time.AfterFunc(m.cfg.Drain+m.brokerTimeout(), m.cancel).Stop()
	m.stopPolls()
	<-m.ended
	workers()
	m.endAssignments(m.allAssignments(), true)
	ctx, cancel := context.WithTimeout(m.work, m.brokerTimeout())
	defer cancel()
	id, _ := m.client.GroupMetadata()
	if m.rejoined.Load() {
		m.cancelRequests()
	}
	client.LeaveGroup(ctx, m.client, m.cancelRequests)
	if m.rejoined.Load() {
		client.RemoveMember(ctx, m.cfg, id)
	}
	m.cancel()
}

// brokerTimeout is how long a broker is waited for where others wait for us.
func (m *Member) brokerTimeout() time.Duration { return m.cfg.Session / 2 }

func (m *Member) onAssigned(client *kgo.Client, given map[string][]int32) {
	m.endAssignments(m.assignmentsOf(given), false) // there are none unless a revocation was missed
	id, _ := client.GroupMetadata()                 // it may come before m has the client
	if m.options.buffersRecords() {
		client.ResumeFetchPartitions(given) // they may have been paused when they were ours before
		defer m.wakePoll()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for topic, ids := range given {
		for _, p := range ids {
			at := TopicPartition{topic, p}
			a := NewAssignment(m.work, at, id, m.window)
			a.onLow = m.wakePoll
			if m.options.KeepCompleted {
				a.handover = newHandover(p)
			}
			m.assignments[at] = a
		}
	}
}

func (m *Member) onRevoked(taken map[string][]int32) {
	ending := m.assignmentsOf(taken)
	m.drainAssignments(ending)
	m.endAssignments(ending, true)
}

func (m *Member) onLost(taken map[string][]int32) { m.dropAssignments(m.assignmentsOf(taken)) }

// drainAssignments lets the work under way finish, within the budget, and then cancels it.
func (m *Member) drainAssignments(ending map[TopicPartition]*Assignment) {
	for _, a := range ending {
		a.stopAtNewest()
	}
	if waitQuiet(ending, m.cfg.Drain) {
		return
	}
	cancelAssignments(ending)
	waitQuiet(ending, CancelGrace)
}

// endAssignments gives assignments up, after a last commit if they are still ours to
// commit. Where that fails the next owner repeats what was not committed.
func (m *Member) endAssignments(ending map[TopicPartition]*Assignment, ours bool) {
	if len(ending) == 0 {
		return
	}
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	if ours {
		m.commitFinal(ending)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, a := range ending {
		if m.assignments[p] == a {
			delete(m.assignments, p)
		}
		a.retireAssignment()
	}
}

// allAssignments are the assignments there are now.
func (m *Member) allAssignments() map[TopicPartition]*Assignment {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[TopicPartition]*Assignment, len(m.assignments))
	for p, a := range m.assignments {
		all[p] = a
	}
	return all
}

// assignmentsOf are the assignments of the partitions named.
func (m *Member) assignmentsOf(named map[string][]int32) map[TopicPartition]*Assignment {
	m.mu.Lock()
	defer m.mu.Unlock()
	those := map[TopicPartition]*Assignment{}
	for topic, ids := range named {
		for _, id := range ids {
			if a := m.assignments[TopicPartition{topic, id}]; a != nil {
				those[TopicPartition{topic, id}] = a
			}
		}
	}
	return those
}
