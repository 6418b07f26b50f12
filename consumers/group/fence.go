package group

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ChecksPerHeartbeat is how often a member should call [Fence.Check] in each heartbeat
// interval.
const ChecksPerHeartbeat = 4

// Fence stops a pod from working on partitions that other members own by now. The pod stood still
// (a long GC, a suspended VM), or it does not reach its group. The client learns only from the
// response to a heartbeat that the group expelled it. Until then it would start records that the
// new owners work on too.
//
// The fence watches the clock. If Check was not called for half a session timeout, the pod
// stood still. If the group answered no heartbeat of the last session timeout, its session is
// over: the client waits for a response much longer on a connection that is dead without an
// error. In both cases the fence closes, no work starts, and the fence asks the group whether
// the client is still a member. After the pod stood still, a worker may start work before the
// next check. The harness counts it as unfenced work.
//
// The fence is a hook of the client ([kgo.WithHooks]), since it must see the responses. The zero
// value is open. Safe for concurrent use, except Check, Close and Open, which one goroutine
// calls.
type Fence struct {
	closed    atomic.Pointer[chan struct{}] // closed is nil while the fence is open; the channel is closed when it opens
	lastCheck time.Time
	heard     atomic.Pointer[time.Time] // heard is when the client sent the last request that renewed its session, nil for none
}

// OnBrokerE2E implements [kgo.HookBrokerE2E]. A session begins again when the group has a
// heartbeat, so the time when it was sent is a safe bound.
func (f *Fence) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e kgo.BrokerE2E) {
	switch kmsg.Key(key) {
	case kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.ConsumerGroupHeartbeat:
		if e.Err() == nil {
			sent := time.Now().Add(-e.DurationE2E())
			f.heard.Store(&sent)
		}
	}
}

var _ kgo.HookBrokerE2E = (*Fence)(nil)

// sessionEnds reports whether the session of a member may be over before the next check. One
// more interval is for the question to the group, which renews the session.
func (f *Fence) sessionEnds(now time.Time, cfg harness.Config) bool {
	heard := f.heard.Load()
	return heard != nil && now.Sub(*heard) >= cfg.Session-2*cfg.Heartbeat/ChecksPerHeartbeat
}

// Wrap is work that starts only while the fence is open, and not after its context has
// ended. It has the abilities of w (see [harness.GateWork]).
func (f *Fence) Wrap(w harness.Work) harness.Work {
	return harness.GateWork(w, func(ctx context.Context) (func(error), error) { return nil, f.Wait(ctx) })
}

// Wait waits until the fence is open. The error is that of ctx.
func (f *Fence) Wait(ctx context.Context) error {
	if closed := f.closed.Load(); closed != nil {
		select {
		case <-*closed:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// IsOpen reports whether work may start.
func (f *Fence) IsOpen() bool { return f.closed.Load() == nil }

// Check closes the fence if the pod stood still or its session may be over. It opens the fence when
// the group confirms that cl is still a member.
//
// It reports false if cl is not a member any more, or if rejoined reports that cl has another
// member id. It reports false too if ctx ended before an answer. Then the fence stays closed: the
// caller gives up all partitions assigned before, and then calls Open.
func (f *Fence) Check(ctx context.Context, cl *kgo.Client, cfg harness.Config, rejoined func() bool) (member bool) {
	now := time.Now()
	stoodStill := !f.lastCheck.IsZero() && now.Sub(f.lastCheck) > cfg.Session/2
	f.lastCheck = now
	if !stoodStill && !f.sessionEnds(now, cfg) {
		return true
	}
	f.Close()
	for {
		err := confirmMembership(ctx, cl, cfg)
		stoodStill := time.Since(f.lastCheck) > cfg.Session/2 // then the answer is too old
		f.lastCheck = time.Now()
		switch {
		case isRefused(err) || rejoined():
			return false
		case err == nil && !stoodStill:
			f.Open()
			return true
		}
		select {
		case <-time.After(commitRetryPause):
		case <-ctx.Done():
			return false
		}
	}
}

// Close lets no work start until Open.
func (f *Fence) Close() {
	closed := make(chan struct{})
	f.closed.Store(&closed)
}

// Open lets work start again.
func (f *Fence) Open() {
	if closed := f.closed.Swap(nil); closed != nil {
		close(*closed)
	}
}
