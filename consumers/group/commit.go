package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitRetryPause is the pause between two attempts of a partition's final commit.
const commitRetryPause = 50 * time.Millisecond

// commitFinal commits until the commit succeeds, the group refuses it, or the broker
// timeout is over. The caller holds committing.
func (m *Member) commitFinal(ending Assignments) {
	ctx, cancel := context.WithTimeout(m.work, m.brokerTimeout())
	defer cancel()
	for {
		err := m.sendCommit(ctx, ending)
		if err == nil || isRefused(err) {
			return
		}
		select {
		case <-time.After(commitRetryPause):
		case <-ctx.Done():
			return
		}
	}
}

// isRefused reports whether the group takes no more commits of this member. Any other
// error may pass: the coordinator moves, the next heartbeat brings a new epoch, a
// broker restarts.
func isRefused(err error) bool {
	return errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) ||
		errors.Is(err, kerr.FencedMemberEpoch) || errors.Is(err, kerr.FencedInstanceID) ||
		errors.Is(err, kerr.GroupAuthorizationFailed)
}

// runCommitClock commits at an interval until ctx ends. The next commit makes up for one
// that fails.
func (m *Member) runCommitClock(ctx context.Context, interval time.Duration) {
	clock := time.NewTicker(interval)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			m.hooks.Committed(m, m.Commit())
		case <-ctx.Done():
			return
		}
	}
}

// Commit commits the low watermarks of all partitions that are assigned to the member.
// The error joins those of the partitions.
func (m *Member) Commit() error {
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	// Not under the consumer's context: cancelling the request would cut the connection
	// and leave the outcome unknown.
	ctx, cancel := context.WithTimeout(m.work, m.brokerTimeout())
	defer cancel()
	return m.sendCommit(ctx, m.allAssignments())
}

// CommitAs is the context of a commit that must be made under a member id. If the client
// has joined again under another id, the commit fails with kerr.UnknownMemberID.
// The functions in change may change the request before it is sent.
func CommitAs(ctx context.Context, id string, change ...func(*kmsg.OffsetCommitRequest)) context.Context {
	return kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		if req.MemberID != id {
			return kerr.UnknownMemberID
		}
		for _, c := range change {
			c(req)
		}
		return nil
	})
}

// sendCommit makes one commit request of what the group does not have yet.
func (m *Member) sendCommit(ctx context.Context, assignments Assignments) (err error) {
	id, _ := m.client.GroupMetadata()
	room := maxMetadata - len(prependMemberID(id, ""))
	points := map[TopicPartition]commitPoint{}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, a := range assignments {
		if next, ok := m.nextCommit(a, room); ok && a.memberID == id {
			if offsets[p.Topic] == nil {
				offsets[p.Topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.Topic][p.Partition], points[p] = next.at, next
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	ctx = CommitAs(ctx, id, func(req *kmsg.OffsetCommitRequest) { setCommitMetadata(req, points) })
	m.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failed error) {
		if failed != nil {
			err = fmt.Errorf("commit: %w", failed)
			return
		}
		err = readCommitResponse(resp, func(p TopicPartition) {
			if a := assignments[p]; a != nil {
				a.setCommitted(points[p])
			}
		})
	})
	client.LogFailure(m.cfg, "commit", err)
	return err
}

// nextCommit is what to commit of an assignment, if the group does not have it yet.
func (m *Member) nextCommit(a *Assignment, room int) (commitPoint, bool) {
	if m.hooks.Offset == nil {
		return a.uncommittedPoint(room)
	}
	at, ok := m.hooks.Offset(a)
	next := commitPoint{at: at}
	return next, ok && a.isUncommitted(next)
}

// readCommitResponse calls committed for each partition whose commit succeeded. The
// error joins those of the others.
func readCommitResponse(resp *kmsg.OffsetCommitResponse, committed func(TopicPartition)) (failed error) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				failed = errors.Join(failed, fmt.Errorf("commit %s/%d: %w", t.Topic, p.Partition, err))
				continue
			}
			committed(TopicPartition{t.Topic, p.Partition})
		}
	}
	return failed
}

// setCommitMetadata adds the completed offsets to the metadata of a request, after the
// member id that the client puts there.
func setCommitMetadata(req *kmsg.OffsetCommitRequest, points map[TopicPartition]commitPoint) {
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			p := &req.Topics[i].Partitions[j]
			if c := points[TopicPartition{req.Topics[i].Topic, p.Partition}]; c.text != "" {
				p.Metadata = kmsg.StringPtr(prependMemberID(req.MemberID, c.text))
			}
		}
	}
}
