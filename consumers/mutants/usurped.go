package mutants

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/consumers"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errUsurped says that a member must make room for a new one: the group has
// expelled it and the client goes on with what it had. See consumers.
var errUsurped = errors.New("the group has expelled the member without the client's noticing")

// watch gives up what the group has taken away without the client's noticing, or
// before it does.
func (m *member) watch() {
	for sleep(m.polls, m.cfg.Heartbeat/consumers.Looks) == nil {
		had := m.all()
		if !m.fence.Look(m.polls, m.client, m.cfg, m.usurped) {
			end(had) // the client will say that it is lost, or be usurped
			m.fence.Open()
		}
		if m.usurped() {
			m.succeeded.Store(true)
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

// as lets a commit be made as the member with an id only.
func as(ctx context.Context, id string) context.Context {
	return kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		if req.MemberID != id {
			return errUsurped
		}
		return nil
	})
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
		if !errors.Is(err, errUsurped) {
			return err
		}
	}
}
