package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitRetryPause is between two tries of a commit that is a partition's last.
const commitRetryPause = 50 * time.Millisecond

// commitFinal commits until it succeeds, is refused, or took as long as a
// rebalance may be held up by a broker. The caller holds committing.
func (m *Member) commitFinal(ending map[TopicPartition]*Assignment) {
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

// isRefused says that the group does not take commits of this member any more.
// Anything else may pass: a coordinator on the move, an epoch that the next
// heartbeat brings up to date, a broker that is gone for a while.
func isRefused(err error) bool {
	return errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) ||
		errors.Is(err, kerr.FencedMemberEpoch) || errors.Is(err, kerr.FencedInstanceID) ||
		errors.Is(err, kerr.GroupAuthorizationFailed)
}

// runCommitClock commits at an interval until ctx ends. A commit that fails is
// made up for by the next.
func (m *Member) runCommitClock(ctx context.Context, interval time.Duration) {
	clock := time.NewTicker(interval)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			_ = m.Commit()
		case <-ctx.Done():
			return
		}
	}
}

// Commit commits the low watermarks of all partitions that this pod owns.
func (m *Member) Commit() error {
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	// Not under the consumer's context: cutting a commit short cuts its
	// connection, and leaves open whether it was made.
	ctx, cancel := context.WithTimeout(m.work, m.brokerTimeout())
	defer cancel()
	return m.sendCommit(ctx, m.allAssignments())
}

// CommitAs is the context of a commit that is made as the member with an id, and as
// no other that the client has become meanwhile: it was not that one's to make. with
// change the request, if it is made.
func CommitAs(ctx context.Context, id string, with ...func(*kmsg.OffsetCommitRequest)) context.Context {
	return kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		if req.MemberID != id {
			return kerr.UnknownMemberID
		}
		for _, change := range with {
			change(req)
		}
		return nil
	})
}

// sendCommit makes one commit request of what the group does not have yet.
func (m *Member) sendCommit(ctx context.Context, assignments map[TopicPartition]*Assignment) error {
	id, _ := m.client.GroupMetadata()
	room := maxMetadata - len(prependMemberID(id, ""))
	commits := map[TopicPartition]commitPoint{}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, a := range assignments {
		if next, ok := a.uncommittedPoint(room); ok && a.memberID == id {
			if offsets[p.Topic] == nil {
				offsets[p.Topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.Topic][p.Partition], commits[p] = next.at, next
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	ctx = CommitAs(ctx, id, func(req *kmsg.OffsetCommitRequest) { setCommitMetadata(req, commits) })
	var failed error
	m.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			failed = fmt.Errorf("commit: %w", err)
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				at := TopicPartition{t.Topic, p.Partition}
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					failed = fmt.Errorf("commit %s/%d: %w", t.Topic, p.Partition, err)
				} else if a := assignments[at]; a != nil {
					a.setCommitted(commits[at])
				}
			}
		}
	})
	return failed
}

// setCommitMetadata adds texts to the metadata of a request, which says whose commit it is.
func setCommitMetadata(req *kmsg.OffsetCommitRequest, commits map[TopicPartition]commitPoint) {
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			p := &req.Topics[i].Partitions[j]
			if c := commits[TopicPartition{req.Topics[i].Topic, p.Partition}]; c.text != "" {
				p.Metadata = kmsg.StringPtr(prependMemberID(req.MemberID, c.text))
			}
		}
	}
}
