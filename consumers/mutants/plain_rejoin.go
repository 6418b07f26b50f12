package mutants

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
)

// watch gives up what the group has taken away without the client's noticing, or
// before it does.
func (m *member) watch() {
	for sleep(m.polls, m.cfg.Heartbeat/group.ChecksPerHeartbeat) == nil {
		had := m.all()
		if !m.fence.Check(m.polls, m.client, m.cfg, m.usurped) {
			end(had) // the client will say that it is lost, or be usurped
			m.fence.Open()
		}
		if m.usurped() {
			m.replaced.Store(true)
			m.steps.lost(m, m.all())
			m.stop()
			return
		}
	}
}

func (m *member) usurped() bool {
	id, _ := m.client.GroupMetadata()
	for _, h := range m.all() {
		if !m.under(h, id) {
			return true
		}
	}
	return false
}

// under reports whether a hold came under a member id.
func (m *member) under(h *hold, id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return h.member == id
}

// Consume implements [harness.Consumer]: one membership after the other, while the
// client does not notice that it was expelled.
func (q queues) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	for {
		m, err := join(ctx, cfg, q, w)
		if err != nil {
			return fmt.Errorf("queues: %w", err)
		}
		err = m.pollOn(ctx)
		m.leave()
		if !errors.Is(err, group.ErrRejoined) {
			return err
		}
	}
}
