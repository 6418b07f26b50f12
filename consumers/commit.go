package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitPause is between two tries of a commit that is a partition's last.
const commitPause = 50 * time.Millisecond

// commitLast commits until it succeeds, is refused, or took as long as a
// rebalance may be held up by a broker. The caller holds committing.
func (m *member) commitLast(ending map[partition]*assignment) {
	ctx, cancel := context.WithTimeout(m.work, m.patience())
	defer cancel()
	for {
		err := m.send(ctx, ending)
		if err == nil || refused(err) {
			return
		}
		select {
		case <-time.After(commitPause):
		case <-ctx.Done():
			return
		}
	}
}

// refused says that the group does not take commits of this member any more.
// Anything else may pass: a coordinator on the move, an epoch that the next
// heartbeat brings up to date, a broker that is gone for a while.
func refused(err error) bool {
	return errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) ||
		errors.Is(err, kerr.FencedMemberEpoch) || errors.Is(err, kerr.FencedInstanceID) ||
		errors.Is(err, kerr.GroupAuthorizationFailed)
}

// commitEvery commits at an interval until ctx ends. A commit that fails is
// made up for by the next.
func (m *member) commitEvery(ctx context.Context, interval time.Duration) {
	clock := time.NewTicker(interval)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			_ = m.commit()
		case <-ctx.Done():
			return
		}
	}
}

// commit commits the low watermarks of all partitions that this pod owns.
func (m *member) commit() error {
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	// Not under the consumer's context: cutting a commit short cuts its
	// connection, and leaves open whether it was made.
	ctx, cancel := context.WithTimeout(m.work, m.patience())
	defer cancel()
	return m.send(ctx, m.all())
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

// send makes one commit request of what the group does not have yet.
func (m *member) send(ctx context.Context, assignments map[partition]*assignment) error {
	id, _ := m.client.GroupMetadata()
	room := mostMetadata - len(withMember(id, ""))
	commits := map[partition]commit{}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, a := range assignments {
		if next, ok := a.uncommitted(room); ok && a.member == id {
			if offsets[p.topic] == nil {
				offsets[p.topic] = map[int32]kgo.EpochOffset{}
			}
			offsets[p.topic][p.id], commits[p] = next.at, next
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	ctx = CommitAs(ctx, id, func(req *kmsg.OffsetCommitRequest) { describe(req, commits) })
	var failed error
	m.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			failed = fmt.Errorf("commit: %w", err)
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				at := partition{t.Topic, p.Partition}
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

// describe adds texts to the metadata of a request, which says whose commit it is.
func describe(req *kmsg.OffsetCommitRequest, commits map[partition]commit) {
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			p := &req.Topics[i].Partitions[j]
			if c := commits[partition{req.Topics[i].Topic, p.Partition}]; c.text != "" {
				p.Metadata = kmsg.StringPtr(withMember(req.MemberID, c.text))
			}
		}
	}
}
