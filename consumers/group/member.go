package group

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// CancelGrace is how long a member waits for work whose context has ended.
const CancelGrace = time.Second

// Member is a pod's membership of the consumer group. It turns polled records into
// tasks, commits low watermarks at an interval, and ends each assignment in order:
//
//   - Revoked: no record begins. The records in work finish within the drain budget, then
//     they are cancelled. The member commits the watermark and drops the rest.
//   - Lost: the group has expelled the member. All work is cancelled and nothing is
//     committed, since the partition may have a new owner.
//   - The pod stood still or did not reach its group, and the client may not know yet that it
//     was expelled: the same (see [Fence]).
//   - The client has joined again under another member id, without telling: the same, and
//     Poll returns [ErrRejoined], so that a new member replaces this one.
//   - The end of the consumer's context: as revoked, for all partitions.
//
// The broker does not check who commits for a partition. So each commit is made under a
// lock that the end of an assignment takes too. No commit has an offset of a partition
// that was revoked before.
//
// One goroutine calls Poll, WaitForRoom and Leave. Tasks may be worked on anywhere.
type Member struct {
	cfg     harness.Config
	options Options
	hooks   Hooks
	client  *kgo.Client
	window  *Window
	fence   Fence

	work           context.Context    // work is the parent of all work: it outlives the consumer's context by the drain budget
	cancelWork     context.CancelFunc // cancelWork ends work
	cancelRequests context.CancelFunc // cancelRequests ends all requests of the client
	evictor        *client.CoordinatorEvictor
	polls          context.Context    // polls ends with the consumer's context, and with the membership
	stopPolls      context.CancelFunc // stopPolls ends polls and the commit clock, and starts the drain
	drained        chan struct{}      // drained is closed when that drain is over

	// rejoined is set when a new member must replace this one. The client is in the
	// middle of a join then, or has finished one that no member uses.
	rejoined atomic.Bool

	// committing is a lock: full during a commit and during the end of an assignment. It
	// is held during requests. A mutex held that long would stop virtual time.
	committing chan struct{}

	mu          sync.Mutex
	assignments Assignments
	wakeUp      atomic.Pointer[context.CancelFunc] // wakeUp ends the wait of a poll that has buffers
}

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Join makes the client and joins cfg.Group. The member works until ctx ends;
// [Member.Leave] must follow.
func Join(ctx context.Context, cfg harness.Config, options Options) (*Member, error) {
	m := &Member{
		cfg:         cfg,
		options:     options,
		hooks:       options.Hooks.orDefaults(),
		window:      NewWindow(cfg.Window, cfg.Workers, cfg.MaxPoll),
		drained:     make(chan struct{}),
		committing:  make(chan struct{}, 1),
		assignments: Assignments{},
	}
	m.work, m.cancelWork = context.WithCancel(context.WithoutCancel(ctx))
	var requests context.Context
	requests, m.cancelRequests = context.WithCancel(context.WithoutCancel(ctx))
	m.evictor = client.NewCoordinatorEvictor(requests)
	cl, err := client.NewMember(cfg, m.clientOptions(requests)...)
	if err != nil {
		m.cancelWork()
		m.cancelRequests()
		return nil, err
	}
	m.client = cl
	m.polls, m.stopPolls = context.WithCancel(ctx)
	go func() {
		defer close(m.drained)
		var watch sync.WaitGroup
		watch.Go(m.watchMembership)
		m.runCommitClock(m.polls, cfg.Commit)
		watch.Wait()
		m.drainAssignments(m.allAssignments())
	}()
	return m, nil
}

func (m *Member) clientOptions(requests context.Context) []kgo.Opt {
	hooks := []kgo.Hook{&m.fence}
	if m.cfg.Protocol == harness.Server { // a member that commits nothing would dial a dead coordinator until it is expelled
		hooks = append(hooks, m.evictor)
	}
	options := []kgo.Opt{
		kgo.WithContext(requests),
		kgo.WithHooks(hooks...),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // from a poll until its records are accepted, never while they are worked on
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, ps map[string][]int32) { m.onAssigned(cl, ps) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { m.onRevoked(ps) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { m.onLost(ps) }),
	}
	if len(m.options.MoreTopics) > 0 {
		options = append(options, kgo.ConsumeTopics(append([]string{m.cfg.Topic}, m.options.MoreTopics...)...))
	}
	if m.options.ReadCommitted {
		// Without control records the last commit would stop short of the log's end.
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	}
	if m.options.KeepCompleted {
		options = append(options, kgo.OnOffsetsFetched(m.onOffsetsFetched))
	}
	return append(options, m.options.ClientOptions...)
}

// Config is the configuration of the pod.
func (m *Member) Config() harness.Config { return m.cfg }

// Client is the member's client.
func (m *Member) Client() *kgo.Client { return m.client }

// Fence holds the member's work back while it is unknown whether the pod is still a
// member. Work of the member should go through [Fence.Wrap].
func (m *Member) Fence() *Fence { return &m.fence }

// WaitForRoom waits until the window has room for a poll that is worth while. It returns
// the number of records, or 0 when ctx has ended.
func (m *Member) WaitForRoom(ctx context.Context) int { return m.window.WaitForRoom(ctx) }

// Stop ends the membership: the next Poll returns [ErrRejoined].
func (m *Member) Stop() { m.stopPolls() }

// Poll waits for records and appends tasks of at most limit of them to into. It returns
// none when ctx has ended. The error is [ErrRejoined] if a new member must replace this
// one, or another one if the consumer cannot go on.
func (m *Member) Poll(ctx context.Context, limit int, into []Task) ([]Task, error) {
	if m.options.buffersRecords() {
		return m.pollBuffered(ctx, limit, into)
	}
	fetches := m.client.PollRecords(m.polls, limit)
	client.NotePolled(m.cfg, fetches)
	defer m.client.AllowRebalance()
	if ctx.Err() != nil {
		return into, nil // the records polled now are never committed
	}
	if m.polls.Err() != nil {
		return into, ErrRejoined
	}
	if err := m.checkFetches(fetches); err != nil {
		return into, err
	}
	into = m.acceptFetched(fetches, into)
	if m.options.SkipBacklog != nil {
		m.skipBacklogs(fetches)
	}
	return into, nil
}

// checkFetches is the error of a poll that ends the membership: [ErrRejoined] if a new one goes on.
func (m *Member) checkFetches(fetches kgo.Fetches) error {
	if client.IsTopicRecreated(fetches) {
		return ErrRejoined
	}
	return client.FatalError(m.cfg, fetches)
}

// acceptFetched makes tasks of fetched records.
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

// acceptUncompleted makes tasks of the fetched records that the previous owner has not
// completed. The caller holds mu.
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

// skipBacklogs goes on at the end of the partitions whose backlog the design skips.
func (m *Member) skipBacklogs(fetches kgo.Fetches) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		m.mu.Lock()
		a := m.assignments[TopicPartition{p.Topic, p.Partition}]
		m.mu.Unlock()
		if a == nil || len(p.Records) == 0 {
			return
		}
		last := p.Records[len(p.Records)-1]
		ctx, cancel := context.WithTimeout(m.polls, m.brokerTimeout()) // a rebalance waits for this call
		defer cancel()
		defer context.AfterFunc(a.ctx, cancel)()
		skipped, err := m.options.SkipBacklog(ctx, a, last.Offset+1, p.HighWatermark)
		switch {
		case m.polls.Err() != nil: // skipped or not, the next owner begins at the commit
		case err != nil: // it is unknown whether the records were skipped
			a.Halt()
			m.stopPolls()
		case skipped:
			a.passOffset(p.HighWatermark-1, -1) // the epoch of the last skipped record is unknown
			m.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{p.Topic: {p.Partition: {Epoch: -1, Offset: p.HighWatermark}}})
		}
	})
}

// Leave finishes the records in work within the drain budget, commits, leaves the group
// and closes the client. No Poll may be running. stopWorkers waits for the design's
// workers, which have no more work to do when it is called.
func (m *Member) Leave(stopWorkers func()) {
	// One budget for all that follows. In a rebalance that another member holds up, each
	// commit and the leaving itself would wait as long as a broker may take.
	defer time.AfterFunc(m.cfg.RevokeTimeout+m.brokerTimeout(), m.cancelWork).Stop()
	m.stopPolls()
	<-m.drained
	stopWorkers()
	m.revokeAssignments(m.allAssignments())
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
	m.cancelRequests()
	m.evictor.Wait()
	m.cancelWork()
}

// brokerTimeout is how long the member waits for a broker while other members wait for it.
func (m *Member) brokerTimeout() time.Duration { return m.cfg.Session / 2 }

func (m *Member) allAssignments() Assignments {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.assignments)
}

// assignmentsOf are the assignments of the partitions named.
func (m *Member) assignmentsOf(named map[string][]int32) Assignments {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := Assignments{}
	for topic, partitions := range named {
		for _, p := range partitions {
			at := TopicPartition{topic, p}
			if a := m.assignments[at]; a != nil {
				found[at] = a
			}
		}
	}
	return found
}
