package txn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrBroken says that a session cannot go on. A new session can: the broker ended the
// transaction of a client that was away too long, or fenced the client.
var ErrBroken = errors.New("the transactional session is broken")

// moreWithin is how long Poll waits for more records of a backlog.
const moreWithin = 10 * time.Millisecond

// Session is a member of the consumer group that takes one batch of records at a time
// through a transaction: outputs and offsets are committed together or not at all.
//
// Kgo aborts the transaction that a rebalance meets. Session adds that the work on the
// batch has ended before another member gets the batch's partitions.
//
// One goroutine calls Poll, Transact and Leave.
type Session struct {
	cfg      harness.Config
	client   *kgo.GroupTransactSession
	fence    group.Fence
	watching sync.WaitGroup

	working        context.Context    // working is the parent of all work: it outlives the consumer's context by the drain budget
	stopWork       context.CancelFunc // stopWork ends working
	requests       context.Context    // requests is the context of the client's requests
	cancelRequests context.CancelFunc // cancelRequests ends requests
	polls          context.Context    // polls ends with the consumer's context, and with the membership
	stopPolls      context.CancelFunc // stopPolls ends polls

	mu        sync.Mutex
	batch     *batch
	memberIDs map[group.TopicPartition]string // memberIDs has, by partition, the id under which the group assigned it
	disturbed bool                            // disturbed: partitions were revoked since the last transaction ended
	rejoined  bool                            // rejoined: a new member must replace this one, see [group.ErrRejoined]
}

// batch is the batch of the present transaction.
type batch struct {
	cancel context.CancelFunc
	quiet  chan struct{} // quiet is closed when no work on the batch is running
}

// Join joins cfg.Group as a transactional member. [Session.Leave] must follow.
// The transactional id is that of the pod, so a pod that comes back aborts what its
// last incarnation left open. The error is [ErrBroken] if a new session may succeed.
func Join(ctx context.Context, cfg harness.Config) (*Session, error) {
	options, err := client.MemberOptions(cfg)
	if err != nil {
		return nil, err
	}
	s := &Session{cfg: cfg, memberIDs: map[group.TopicPartition]string{}}
	s.working, s.stopWork = client.WithDrain(ctx, cfg.RevokeTimeout)
	s.requests, s.cancelRequests = client.WithDrain(ctx, cfg.RevokeTimeout+cfg.Session) // a client cannot take back what it may have sent
	s.polls, s.stopPolls = context.WithCancel(ctx)
	s.client, err = kgo.NewGroupTransactSession(append(options,
		kgo.WithContext(s.requests),
		kgo.WithHooks(&s.fence),
		kgo.TransactionalID(cfg.Group+"."+cfg.Pod),
		// A transaction is open only while outputs and offsets are on their way, but the
		// offsets wait for a rebalance to end.
		kgo.TransactionTimeout(cfg.Rebalance+cfg.Session),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.OnPartitionsAssigned(func(_ context.Context, c *kgo.Client, ps map[string][]int32) { s.onAssigned(c, ps) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { s.onTaken(ps) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { s.onTaken(ps) }),
	)...)
	if err != nil {
		s.cancelAll()
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	s.watching.Go(s.watchMembership)
	if err = s.takeOverID(); err != nil {
		s.Leave()
		return nil, err
	}
	return s, nil
}

func (s *Session) cancelAll() {
	s.stopPolls()
	s.stopWork()
	s.cancelRequests()
}

// takeOverID aborts what the pod's last session may have left open under its
// transactional id. The group returns no offsets while a transaction is open.
func (s *Session) takeOverID() error {
	within, cancel := context.WithTimeout(s.polls, s.cfg.Rebalance+s.cfg.Session)
	defer cancel()
	if _, _, err := s.client.Client().ProducerID(within); err != nil && s.polls.Err() == nil {
		return sessionError("begin to use the transactional id", err)
	}
	return nil
}

// Client is the client of the session.
func (s *Session) Client() *kgo.Client { return s.client.Client() }

// Fence holds the work back while it is unknown whether the pod is still a member.
func (s *Session) Fence() *group.Fence { return &s.fence }

// Poll waits for records and returns up to size of them: those that have arrived or,
// if they are enough for all workers, as many as arrive within 10 ms. It returns
// [group.ErrRejoined] once the consumer's context has ended or the membership is over.
func (s *Session) Poll(size int) ([]*kgo.Record, error) {
	records, err := s.pollRecords(size)
	if s.polls.Err() != nil {
		return nil, group.ErrRejoined
	}
	return records, err
}

func (s *Session) pollRecords(size int) (records []*kgo.Record, err error) {
	fetches := s.client.PollRecords(s.polls, size)
	for {
		client.NotePolled(s.cfg, fetches)
		more := fetches.Records()
		if client.IsTopicRecreated(fetches) {
			return nil, group.ErrRejoined
		}
		records, err = append(records, more...), client.FatalError(s.cfg, fetches)
		if err != nil || len(more) == 0 || len(records) < s.cfg.Workers || len(records) == size {
			return records, err
		}
		soon, cancel := context.WithTimeout(s.polls, moreWithin)
		fetches = s.client.PollRecords(soon, size-len(records))
		cancel()
	}
}

// Transact commits the records polled last, and the outputs that transform makes of
// them, in one transaction. If transform reports false, or a rebalance takes partitions
// away, the transaction is aborted. That is no error: the client goes back to the
// committed offsets and polls the records again.
//
// The context of transform ends when partitions are revoked; transform must then return,
// since the rebalance waits for it. The error is [ErrBroken] if only this session failed.
func (s *Session) Transact(transform func(ctx context.Context) (outputs []*kgo.Record, ok bool)) error {
	if err := s.client.Begin(); err != nil {
		return fmt.Errorf("%w: begin a transaction: %w", ErrBroken, err)
	}
	ctx, cancel := context.WithCancel(s.working)
	defer cancel()
	outputs, ok := s.runTransform(ctx, cancel, transform)
	if !ok {
		return s.endTransaction(false)
	}
	err := client.Produce(ctx, s.client.Client(), outputs...)
	if err == nil {
		return s.endTransaction(true)
	}
	client.LogFailure(s.cfg, "produce outputs", err)
	_ = client.PauseRetry(ctx, err) // the failure may be short
	ended := s.endTransaction(false)
	if isUnrecoverable(err) {
		return fmt.Errorf("produce outputs: %w", err)
	}
	return ended
}

// runTransform runs transform and reports whether it succeeded before ctx ended.
// Meanwhile a revocation calls cancel and waits for transform to return.
func (s *Session) runTransform(ctx context.Context, cancel context.CancelFunc, transform func(context.Context) ([]*kgo.Record, bool)) ([]*kgo.Record, bool) {
	b := &batch{cancel: cancel, quiet: make(chan struct{})}
	defer close(b.quiet)
	s.mu.Lock()
	disturbed := s.disturbed // since the poll: kgo would not commit the transaction
	s.batch = b
	s.mu.Unlock()
	if disturbed {
		return nil, false
	}
	outputs, ok := transform(ctx)
	return outputs, ok && ctx.Err() == nil
}

// endTransaction commits or aborts the transaction. It aborts too if the member has
// another id now, under which it must not commit.
func (s *Session) endTransaction(commit bool) error {
	s.mu.Lock()
	s.disturbed = false
	s.mu.Unlock()
	// Not under the consumer's context: the outcome of a request cut short is unknown.
	within, cancel := context.WithTimeout(context.WithoutCancel(s.working), s.cfg.Rebalance+2*s.cfg.Session)
	defer cancel()
	within = kgo.PreTxnCommitFnContext(within, func(req *kmsg.TxnOffsetCommitRequest) error {
		if s.hasRejoinedAs(req.MemberID) {
			return kerr.UnknownMemberID // kgo aborts
		}
		return nil
	})
	_, err := s.client.End(within, kgo.TransactionEndTry(commit))
	client.LogFailure(s.cfg, "end of transaction", err)
	if err == nil || s.working.Err() != nil {
		return nil
	}
	if errors.Is(err, kerr.FencedInstanceID) && group.ConfirmInstanceID(within, s.client.Client(), s.cfg) == nil {
		return fmt.Errorf("%w: end a transaction: fenced by its own join: %w", ErrBroken, err)
	}
	return sessionError("end a transaction", err)
}

// sessionError is the error that ends a session: [ErrBroken] if a new session may succeed.
func sessionError(what string, err error) error {
	if isUnrecoverable(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrBroken, what, err)
}

func isUnrecoverable(err error) bool {
	return slices.ContainsFunc(unrecoverableErrors, func(u error) bool { return errors.Is(err, u) })
}

// unrecoverableErrors are the answers to a transaction that a new session would get too.
var unrecoverableErrors = []error{
	kerr.TransactionalIDAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed,
	kerr.ClusterAuthorizationFailed, kerr.InvalidTransactionTimeout, kerr.MessageTooLarge, kerr.UnsupportedVersion,
	kerr.FencedInstanceID, // a new session would fence the pod that has the id now, and the two would take turns
}

func (s *Session) onAssigned(c *kgo.Client, assigned map[string][]int32) {
	id, _ := c.GroupMetadata()
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, partitions := range assigned {
		for _, p := range partitions {
			s.memberIDs[group.TopicPartition{Topic: topic, Partition: p}] = id
		}
	}
}

// onTaken ends the work on the batch: kgo will abort its transaction. The client calls
// it for an eager member in each rebalance, for others when they lose a partition.
//
// An eager member that had no partitions is told of an empty list. Kgo aborts its next
// transaction too, without another call. That batch is refused, so that no work is
// done on it while it becomes another member's.
func (s *Session) onTaken(taken map[string][]int32) {
	if len(taken) == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.disturbed = s.disturbed || s.cfg.Protocol == harness.Eager
		return
	}
	s.cancelBatch()
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, partitions := range taken {
		for _, p := range partitions {
			delete(s.memberIDs, group.TopicPartition{Topic: topic, Partition: p})
		}
	}
}

// cancelBatch cancels the work on the present batch, waits for it, and refuses more work
// until the transaction has ended.
func (s *Session) cancelBatch() {
	s.mu.Lock()
	s.disturbed = true
	b := s.batch
	s.mu.Unlock()
	if b == nil {
		return
	}
	b.cancel()
	select {
	case <-b.quiet:
	case <-time.After(group.CancelGrace):
	}
}

// hasRejoined reports whether the client has another member id than the one under which
// its partitions were assigned.
func (s *Session) hasRejoined() bool {
	id, _ := s.client.Client().GroupMetadata()
	return s.hasRejoinedAs(id)
}

func (s *Session) hasRejoinedAs(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, assignedTo := range s.memberIDs {
		if assignedTo != id {
			return true
		}
	}
	return false
}

// watchMembership ends the session once another member may own its partitions and the
// client does not know: the pod stood still, or the client has joined again in silence.
func (s *Session) watchMembership() {
	check := time.NewTicker(s.cfg.Heartbeat / group.ChecksPerHeartbeat)
	defer check.Stop()
	for {
		select {
		case <-check.C:
			expelled := !s.fence.Check(s.polls, s.client.Client(), s.cfg, s.hasRejoined)
			rejoined := s.hasRejoined()
			if !expelled && !rejoined {
				continue
			}
			s.mu.Lock()
			s.rejoined = rejoined
			s.mu.Unlock()
			s.cancelBatch()
			s.stopPolls()
			s.fence.Open()
			return
		case <-s.polls.Done():
			return
		}
	}
}

// Leave ends the session: the client leaves the group and closes.
func (s *Session) Leave() {
	defer s.cancelAll()
	s.stopPolls()
	s.watching.Wait()
	ctx, cancel := context.WithTimeout(s.requests, s.cfg.Session/2)
	defer cancel()
	cl := s.client.Client()
	id, _ := cl.GroupMetadata()
	if s.rejoined {
		s.cancelRequests() // the client is in the middle of a join
	}
	client.LeaveGroup(ctx, cl, s.cancelRequests)
	if s.rejoined {
		removing, cancel := context.WithTimeout(context.WithoutCancel(s.requests), s.cfg.Session/2)
		defer cancel()
		client.RemoveMember(removing, s.cfg, id)
	}
}
