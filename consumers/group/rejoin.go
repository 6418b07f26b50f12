package group

import (
	"errors"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrRejoined says that this membership is over and that a new member must replace it: the
// group expelled the member, and the client has joined again without telling, the topic was
// deleted and created again, or [Member.Stop] was called.
var ErrRejoined = errors.New("the client has joined the group again under another member id")

// RunMemberships runs one membership after another, until one ends with another error
// than [ErrRejoined] or with nil.
//
// A membership that replaced another one may end once with FENCED_INSTANCE_ID. The JoinGroup
// of the client before it can reach the broker last, on a connection that is closed already.
// The broker then gives the instance id to a member without a client.
func RunMemberships(membership func() error) error {
	for lateJoin := false; ; {
		err := membership()
		switch {
		case errors.Is(err, ErrRejoined):
			lateJoin = true
		case lateJoin && errors.Is(err, kerr.FencedInstanceID):
			lateJoin = false
		default:
			return err
		}
	}
}

// hasRejoined reports whether the client has another member id than the one under which
// its partitions were assigned. Kgo does this in the classic protocol when JoinGroup
// answers UNKNOWN_MEMBER_ID: it joins again without a callback and reads on, although
// other members own the partitions now.
func (m *Member) hasRejoined() bool {
	id, _ := m.client.GroupMetadata()
	for _, a := range m.allAssignments() {
		if a.memberID != id {
			return true
		}
	}
	return false
}

// watchMembership gives up partitions that the group has taken away without telling the
// client, or before the client is told. It does not wait for commits: the client holds
// them back while it joins.
func (m *Member) watchMembership() {
	check := time.NewTicker(m.cfg.Heartbeat / ChecksPerHeartbeat)
	defer check.Stop()
	for {
		select {
		case <-check.C:
			owned := m.allAssignments()
			if !m.fence.Check(m.polls, m.client, m.cfg, m.hasRejoined) {
				m.cfg.Logger().Warn("the group does not know the member any more")
				cancelAssignments(owned) // the client will report them lost, or join again
				waitQuiet(owned, CancelGrace)
				m.fence.Open()
			}
			if m.hasRejoined() {
				client.LogFailure(m.cfg, "membership", ErrRejoined)
				m.rejoined.Store(true)
				m.loseAssignments(m.allAssignments())
				m.stopPolls()
				return
			}
		case <-m.polls.Done():
			return
		}
	}
}
