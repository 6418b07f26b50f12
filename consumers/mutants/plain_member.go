package mutants

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// grace is how long work whose context has ended is waited for.
const grace = time.Second

// member is a pod of [queues] in its group.
type member struct {
	steps  queues
	cfg    harness.Config
	work   harness.Work
	client *kgo.Client
	fence  group.Fence

	ctx     context.Context // ctx is the parent of all work: it outlives the consumer's by the drain
	cancel  context.CancelFunc
	hangUp  context.CancelFunc // hangUp ends all requests of the client
	polls   context.Context    // polls ends with the consumer's context, and when the member is usurped
	stop    context.CancelFunc // stop ends polls and the commits
	ticking sync.WaitGroup

	replaced atomic.Bool // replaced is set when a new member is to take this one's place
	workers  sync.WaitGroup
	queues   []chan task
	freed    chan struct{} // freed has an element when records may have come under the low watermark

	// committing is full during a commit and the end of a hold: no commit has
	// an offset of a partition given back before. No mutex, as it is held over the
	// network, and that would stop the clock where time is virtual.
	committing chan struct{}

	mu    sync.Mutex
	holds map[place]*hold
}

// join becomes a member of the group; [member.leave] must follow.
func join(ctx context.Context, cfg harness.Config, q queues, w harness.Work) (*member, error) {
	m := &member{
		steps: q, cfg: cfg, holds: map[place]*hold{},
		freed: make(chan struct{}, 1), committing: make(chan struct{}, 1),
	}
	m.work = q.fence(m, w)
	options, err := client.MemberOptions(cfg)
	if err != nil {
		return nil, err
	}
	requests, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	m.hangUp = hangUp
	options = append(options,
		kgo.WithContext(requests),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // until what was polled is under its holds
		kgo.OnPartitionsAssigned(func(_ context.Context, c *kgo.Client, ps map[string][]int32) { m.assigned(c, ps) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { q.revoke(m, m.those(ps)) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { q.lost(m, m.those(ps)) }),
	)
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if m.client, err = kgo.NewClient(append(options, q.options...)...); err != nil {
		m.cancel()
		m.hangUp()
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	for range cfg.Workers {
		queue := make(chan task, cfg.Window)
		m.queues = append(m.queues, queue)
		m.workers.Go(func() { m.workOff(queue) })
	}
	m.polls, m.stop = context.WithCancel(ctx)
	m.ticking.Go(m.commitEvery)
	m.ticking.Go(m.watch)
	return m, nil
}

// pollOn polls as long as the window has room, until ctx ends, or with
// consumers.ErrUsurped.
func (m *member) pollOn(ctx context.Context) error {
	for m.polls.Err() == nil {
		room := min(m.cfg.Window-m.out(), m.cfg.MaxPoll)
		if room <= 0 {
			select {
			case <-m.freed:
			case <-m.polls.Done():
			}
			continue
		}
		fetches := m.client.PollRecords(m.polls, room)
		tasks := m.take(fetches)
		m.client.AllowRebalance()
		if fetches.IsClientClosed() {
			return kgo.ErrClientClosed
		}
		for _, t := range tasks {
			m.steps.submit(m, t)
		}
	}
	if ctx.Err() == nil {
		return group.ErrRejoined
	}
	return nil
}

func (m *member) take(fetches kgo.Fetches) (tasks []task) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fetches.EachRecord(func(r *kgo.Record) {
		if h := m.holds[place{r.Topic, r.Partition}]; h != nil {
			h.take(r.Offset)
			tasks = append(tasks, task{r, h})
		}
	})
	return tasks
}

// workOff takes records of a queue through the work until the member leaves.
func (m *member) workOff(queue <-chan task) {
	for {
		select {
		case t := <-queue:
			batch := m.alive([]task{t}, queue)
			if len(batch) > 0 {
				m.steps.run(m, batch)
			}
			select {
			case m.freed <- struct{}{}:
			default:
			}
		case <-m.ctx.Done():
			return
		}
	}
}

// alive fills a batch from the queue, as far as there is something, and leaves
// out those whose hold has ended.
func (m *member) alive(batch []task, queue <-chan task) []task {
	for len(batch) < m.steps.batch && len(queue) > 0 {
		batch = append(batch, <-queue)
	}
	alive := batch[:0]
	for _, t := range batch {
		if t.of.begins() {
			alive = append(alive, t)
		} else {
			m.steps.skip(m, t)
		}
	}
	return alive
}

func (m *member) assigned(client *kgo.Client, given map[string][]int32) {
	id, _ := client.GroupMetadata() // it may come before m has the client
	for topic, partitions := range given {
		for _, p := range partitions {
			h := m.steps.assign(m, place{topic, p})
			m.mu.Lock()
			h.member = id
			m.holds[place{topic, p}] = h
			m.mu.Unlock()
		}
	}
}

// settle ends holds in good order: what has begun is finished within the drain
// budget, the rest dropped, and the low watermark committed.
func (m *member) settle(taken map[place]*hold) {
	if len(taken) == 0 {
		return
	}
	for _, h := range taken {
		h.end()
	}
	if !await(taken, m.cfg.Drain) {
		for _, h := range taken {
			h.cancel()
		}
		await(taken, grace)
	}
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	_ = m.send(taken) // the next owner repeats what it does not have
	m.forget(taken)
}

// abandon ends holds that may have a new owner by now: nothing is committed.
func (m *member) abandon(taken map[place]*hold) {
	end(taken)
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	m.forget(taken)
}

// end lets nothing begin under holds, cancels what has, and waits for it.
func end(taken map[place]*hold) {
	for _, h := range taken {
		h.end()
	}
	for _, h := range taken {
		h.cancel()
	}
	await(taken, grace)
}

// forget lets go of holds. The window has their room at once.
func (m *member) forget(taken map[place]*hold) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, h := range taken {
		if m.holds[p] == h {
			delete(m.holds, p)
		}
	}
	select {
	case m.freed <- struct{}{}:
	default:
	}
}

// leave settles what is in hand and leaves the group.
func (m *member) leave() {
	// One budget for all: in a rebalance that somebody else holds up, commits wait.
	defer time.AfterFunc(m.cfg.Drain+m.cfg.Session/2, m.cancel).Stop()
	// What was sent with a sequence number a client takes back for no context but its own.
	defer time.AfterFunc(m.cfg.Drain+m.cfg.Session, m.hangUp).Stop()
	m.stop()
	m.ticking.Wait()
	m.steps.revoke(m, m.all())
	m.cancel()
	m.workers.Wait()
	id, _ := m.client.GroupMetadata()
	if m.replaced.Load() { // by then it is that of a join that is nobody's
		m.hangUp()
	}
	leave(m.client, m.cfg, m.hangUp)
	if m.replaced.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), m.cfg.Session/2)
		defer cancel()
		client.RemoveMember(ctx, m.cfg, id)
	}
}

// leave leaves the group and closes the client, whose context hangUp ends.
func leave(cl *kgo.Client, cfg harness.Config, hangUp func()) {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Session/2)
	defer cancel()
	client.LeaveGroup(ctx, cl, hangUp)
}

func (m *member) commitEvery() {
	for sleep(m.polls, m.cfg.Commit) == nil {
		m.committing <- struct{}{}
		err := m.send(m.all())
		<-m.committing
		m.steps.committed(m, err)
	}
}

// send commits what the group does not have of the holds. The caller holds committing.
func (m *member) send(holds map[place]*hold) error {
	id, _ := m.client.GroupMetadata()
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, h := range holds {
		if next, ok := m.steps.offset(h); ok && h.committed.Load() != next && m.under(h, id) {
			if offsets[p.topic] == nil {
				offsets[p.topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.topic][p.partition] = kgo.EpochOffset{Epoch: -1, Offset: next}
		}
	}
	err := m.commit(group.CommitAs(m.ctx, id), offsets)
	for p, h := range holds {
		if next, sent := offsets[p.topic][p.partition]; sent && err == nil {
			h.committed.Store(next.Offset)
		}
	}
	return err
}

func (m *member) commit(ctx context.Context, offsets map[string]map[int32]kgo.EpochOffset) (failed error) {
	if len(offsets) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Session/2)
	defer cancel()
	m.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if failed = err; err != nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				failed = errors.Join(failed, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	})
	return failed
}

// out is the number of records taken and not under the low watermark.
func (m *member) out() (n int) {
	for _, h := range m.all() {
		n += h.out()
	}
	return n
}

func (m *member) all() map[place]*hold {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.holds)
}

func (m *member) those(named map[string][]int32) map[place]*hold {
	m.mu.Lock()
	defer m.mu.Unlock()
	those := map[place]*hold{}
	for topic, partitions := range named {
		for _, p := range partitions {
			if h := m.holds[place{topic, p}]; h != nil {
				those[place{topic, p}] = h
			}
		}
	}
	return those
}
