package consumers

import (
	"errors"
	"time"
)

// ErrUsurped says that a member must make room for a new one.
var ErrUsurped = errors.New("the group has expelled the member without the client's noticing")

// again is a consumer's life: one membership after the other, while the client
// does not notice that it was expelled.
func again(membership func() error) error {
	for {
		if err := membership(); !errors.Is(err, ErrUsurped) {
			return err
		}
	}
}

// usurped reports whether the group has given us another member id and the client
// goes on with what it had under the old one. Kgo does so in the cooperative
// protocol when the answer to its JoinGroup is that the group does not know it: it
// joins anew, says nothing, and reads on what others have by now.
func (m *member) usurped() bool {
	id, _ := m.client.GroupMetadata()
	for _, a := range m.all() {
		if a.member != id {
			return true
		}
	}
	return false
}

// watch gives up what the group has taken away without the client's noticing, or
// before it does. It does not wait behind commits: the client holds them back while
// it joins.
func (m *member) watch() {
	look := time.NewTicker(m.cfg.Heartbeat / LooksPerHeartbeat)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			had := m.all()
			if !m.fence.Look(m.polls, m.client, m.cfg, m.usurped) {
				abandon(had) // the client will say that it is lost, or be usurped
				await(had, cancelGrace)
				m.fence.Open()
			}
			if m.usurped() {
				m.replaced.Store(true)
				m.forsake(m.all())
				m.stop()
				return
			}
		case <-m.polls.Done():
			return
		}
	}
}

// forsake gives up what is not ours any more.
func (m *member) forsake(ending map[partition]*assignment) {
	abandon(ending)
	await(ending, cancelGrace)
	m.end(ending, false)
}
