package client

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CoordinatorEvictor makes a client look its coordinators up again when their broker
// is unreachable. Kgo (seen in 1.22.2 and 1.22.3) keeps the cached coordinator when a
// heartbeat of a share group or of a KIP-848 group cannot be sent: such a member dials
// the dead broker until its session is over, although the group has a new coordinator.
// A classic group, and a member that commits, evict it by their other requests.
//
// It is a hook: pass it to [kgo.WithHooks] of one client, and call Wait after that
// client has closed. It is safe for concurrent use.
type CoordinatorEvictor struct {
	ctx     context.Context
	client  atomic.Pointer[kgo.Client]
	evicts  atomic.Bool
	running sync.WaitGroup
}

// NewCoordinatorEvictor returns a hook whose requests end with ctx.
func NewCoordinatorEvictor(ctx context.Context) *CoordinatorEvictor {
	return &CoordinatorEvictor{ctx: ctx}
}

// OnNewClient implements [kgo.HookNewClient].
func (e *CoordinatorEvictor) OnNewClient(client *kgo.Client) { e.client.Store(client) }

// OnBrokerConnect implements [kgo.HookBrokerConnect]: after a failed connection, it
// evicts the coordinators that the client has cached for the broker.
func (e *CoordinatorEvictor) OnBrokerConnect(broker kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	client := e.client.Load()
	if err == nil || broker.NodeID < 0 || client == nil || e.ctx.Err() != nil || !e.evicts.CompareAndSwap(false, true) {
		return
	}
	e.running.Go(func() {
		defer e.evicts.Store(false)
		// Kgo evicts at each failed dial of a request with retries to that very broker.
		// The time is enough for one slow dial.
		ctx, cancel := context.WithTimeout(e.ctx, dialTimeout+retryPause)
		defer cancel()
		_, _ = client.Broker(int(broker.NodeID)).RetriableRequest(ctx, kmsg.NewPtrApiVersionsRequest())
	})
}

// Wait returns when the last request of the hook has ended.
func (e *CoordinatorEvictor) Wait() { e.running.Wait() }
