package group

import (
	"errors"
	"time"
)

// ErrRejoined says that a member must make room for a new one.
var ErrRejoined = errors.New("the group has expelled the member without the client's noticing")

// RunMemberships is a consumer's life: one membership after the other, while the client
// does not notice that it was expelled.
func RunMemberships(membership func() error) error {
	for {
		if err := membership(); !errors.Is(err, ErrRejoined) {
			return err
		}
	}
}

// hasRejoined reports whether the group has given us another member id and the client
// goes on with what it had under the old one. Kgo does so in the cooperative
// protocol when the answer to its JoinGroup is that the group does not know it: it
// joins anew, says nothing, and reads on what others have by now.
func (m *Member) hasRejoined() bool {
	id, _ := m.client.GroupMetadata()
	for _, a := range m.allAssignments() {
		if a.memberID != id {
			return true
		}
	}
	return false
}

// watchMembership gives up what the group has taken away without the client's noticing, or
// before it does. It does not wait behind commits: the client holds them back while
// it joins.
func (m *Member) watchMembership() {
	look := time.NewTicker(m.cfg.Heartbeat / ChecksPerHeartbeat)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			had := m.allAssignments()
			if !m.fence.Check(m.polls, m.client, m.cfg, m.hasRejoined) {
				cancelAssignments(had) // the client will say that it is lost, or be usurped
				waitQuiet(had, CancelGrace)
				m.fence.Open()
			}
			if m.hasRejoined() {
				m.rejoined.Store(true)
				m.dropAssignments(m.allAssignments())
				m.stopPolls()
				return
			}
		case <-m.polls.Done():
			return
		}
	}
}

// dropAssignments gives up what is not ours any more.
func (m *Member) dropAssignments(ending map[TopicPartition]*Assignment) {
	cancelAssignments(ending)
	waitQuiet(ending, CancelGrace)
	m.endAssignments(ending, false)
}
