package group

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// onOffsetsFetched remembers, by partition, the commit of the previous owner and its metadata.
func (m *Member) onOffsetsFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range resp.Groups {
		for _, t := range g.Topics { // there is one topic; newer brokers send its id and not its name
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

func (m *Member) onAssigned(cl *kgo.Client, assigned map[string][]int32) {
	m.endAssignments(m.assignmentsOf(assigned), false) // there are none unless a revocation was missed
	id, _ := cl.GroupMetadata()                        // the call may come before m.client is set
	if m.options.buffersRecords() {
		cl.ResumeFetchPartitions(assigned) // an earlier assignment may have paused them
		defer m.wakePoll()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for topic, partitions := range assigned {
		for _, p := range partitions {
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

func (m *Member) onRevoked(revoked map[string][]int32) {
	m.revokeAssignments(m.assignmentsOf(revoked))
}

func (m *Member) revokeAssignments(ending Assignments) {
	m.hooks.Revoke(m, ending)
	m.removeAssignments(ending)
}

func (m *Member) onLost(lost map[string][]int32) {
	m.cfg.Logger().Warn("the group took partitions away", "partitions", lost[m.cfg.Topic])
	m.loseAssignments(m.assignmentsOf(lost))
}

func (m *Member) loseAssignments(ending Assignments) {
	m.hooks.Lose(m, ending)
	m.removeAssignments(ending)
}

// Settle ends assignments that are still the member's own: the records in work finish
// within the drain budget, and the low watermark is committed. If the commit fails, the
// next owner repeats what was not committed.
func (m *Member) Settle(ending Assignments) {
	m.drainAssignments(ending)
	m.endAssignments(ending, true)
}

// Drop ends assignments that may have a new owner: all work is cancelled and nothing is
// committed.
func (m *Member) Drop(ending Assignments) {
	cancelAssignments(ending)
	waitQuiet(ending, CancelGrace)
	m.endAssignments(ending, false)
}

// drainAssignments lets the records in work finish within the drain budget, and then
// cancels them.
func (m *Member) drainAssignments(ending Assignments) {
	for _, a := range ending {
		a.stopAtNewest()
	}
	if waitQuiet(ending, m.cfg.RevokeTimeout) {
		return
	}
	cancelAssignments(ending)
	waitQuiet(ending, CancelGrace)
}

// endAssignments removes and retires assignments, after a final commit if they are
// still the member's own.
func (m *Member) endAssignments(ending Assignments, own bool) {
	if len(ending) == 0 {
		return
	}
	m.committing <- struct{}{}
	defer func() { <-m.committing }()
	if own {
		m.commitFinal(ending)
	}
	m.removeAssignments(ending)
	for _, a := range ending {
		a.retireAssignment()
	}
}

// removeAssignments lets the member commit no more for assignments.
func (m *Member) removeAssignments(ending Assignments) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, a := range ending {
		if m.assignments[p] == a {
			delete(m.assignments, p)
		}
	}
}
