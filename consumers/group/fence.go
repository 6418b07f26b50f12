package group

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fence keeps a pod that stood still for long from beginning work before it knows
// whether it is a member of its group still. The client finds out by its next
// heartbeat: an interval and an answer later, in which others work on what was
// taken away. The fence finds out by a clock that was not looked at for half a session,
// within [ChecksPerHeartbeat], lets nothing begin from then on, and asks. What a worker
// begins before that, as he wakes up, is unfenced.
//
// Safe for concurrent use, but for Look. The zero value is open.
type Fence struct {
	closed    atomic.Pointer[chan struct{}] // closed is nil while the fence is open, and closed when it opens
	lastCheck time.Time                     // lastCheck is when the clock was looked at last
}

// ChecksPerHeartbeat is how many times a heartbeat a member should call Look.
const ChecksPerHeartbeat = 4

// Wrap is work that begins only while the fence is open, and not after its
// context has ended. It has the abilities that w has.
func (f *Fence) Wrap(w harness.Work) harness.Work {
	b, batches := w.(harness.BatchWork)
	p, prepares := w.(harness.PreparedWork)
	do := fenced{w, f}
	switch {
	case batches && prepares:
		return struct {
			fenced
			fencedBatches
			fencedPrepares
		}{do, fencedBatches{b, f}, fencedPrepares{p, f}}
	case batches:
		return struct {
			fenced
			fencedBatches
		}{do, fencedBatches{b, f}}
	case prepares:
		return struct {
			fenced
			fencedPrepares
		}{do, fencedPrepares{p, f}}
	}
	return do
}

type fenced struct {
	work  harness.Work
	fence *Fence
}

func (w fenced) Do(ctx context.Context, r *harness.Record) error {
	if err := w.fence.Wait(ctx); err != nil {
		return err
	}
	return w.work.Do(ctx, r)
}

type fencedBatches struct {
	batches harness.BatchWork
	fence   *Fence
}

func (w fencedBatches) DoBatch(ctx context.Context, records []harness.Record) error {
	if err := w.fence.Wait(ctx); err != nil {
		return err
	}
	return w.batches.DoBatch(ctx, records)
}

type fencedPrepares struct {
	work  harness.PreparedWork
	fence *Fence
}

func (w fencedPrepares) Prepare(ctx context.Context, r *harness.Record) error {
	if err := w.fence.Wait(ctx); err != nil {
		return err
	}
	return w.work.Prepare(ctx, r)
}

// Wait waits until the fence is open, or returns the error of ctx, which has ended.
func (f *Fence) Wait(ctx context.Context) error {
	if shut := f.closed.Load(); shut != nil {
		select {
		case <-*shut:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// IsOpen reports whether work may begin.
func (f *Fence) IsOpen() bool { return f.closed.Load() == nil }

// Check looks at the clock. If the pod stood still the fence is shut until the group
// says that the pod's client is a member. Check reports false if the client is none
// any more, or usurped says that it is another than it was, or ctx has ended in doubt:
// then the fence stays shut until Open, before which the pod gives up all that it was
// given before it stood still.
func (f *Fence) Check(ctx context.Context, client *kgo.Client, cfg harness.Config, usurped func() bool) (member bool) {
	now := time.Now()
	stood := !f.lastCheck.IsZero() && now.Sub(f.lastCheck) > cfg.Session/2
	f.lastCheck = now
	if !stood {
		return true
	}
	f.Close()
	for {
		err := confirmMembership(ctx, client, cfg)
		stood := time.Since(f.lastCheck) > cfg.Session/2 // an answer from before it stood still once more says nothing
		f.lastCheck = time.Now()
		switch {
		case isRefused(err) || usurped():
			return false
		case err == nil && !stood:
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

// Close lets no work begin until [Fence.Open].
func (f *Fence) Close() {
	closed := make(chan struct{})
	f.closed.Store(&closed)
}

// Open lets work begin again. It is for whoever calls Look.
func (f *Fence) Open() {
	if shut := f.closed.Swap(nil); shut != nil {
		close(*shut)
	}
}

// confirmMembership asks the group. The answer is an error that [isRefused] knows if the
// client is no member.
func confirmMembership(ctx context.Context, client *kgo.Client, cfg harness.Config) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Session/2)
	defer cancel()
	id, generation := client.GroupMetadata()
	if cfg.Protocol == harness.Server {
		return describeMember(ctx, client, cfg.Group, id)
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = cfg.Group, id, generation
	if cfg.Protocol == harness.Static {
		req.InstanceID = &cfg.Pod
	}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("ask the group: %w", err)
	}
	err = kerr.ErrorForCode(resp.ErrorCode)
	switch now, _ := client.GroupMetadata(); {
	case errors.Is(err, kerr.RebalanceInProgress):
		return nil
	case errors.Is(err, kerr.IllegalGeneration) && now == id:
		// The group knows us: a rebalance has ended of which the client has heard, or will.
		return fmt.Errorf("ask the group once more: %v", err) // no refusal, so it is not wrapped
	}
	return err
}

// describeMember looks for a member among those of a group of KIP-848, where a heartbeat
// of our own could take the answer away that the client's is to have.
func describeMember(ctx context.Context, client *kgo.Client, group, id string) error {
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{group}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("describe group: %w", err)
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return err
		}
		for _, m := range g.Members {
			if m.MemberID == id {
				return nil
			}
		}
	}
	return kerr.UnknownMemberID
}

// FindMember asks the group whether it has a member with an id. It returns
// kerr.UnknownMemberID if it has none.
func FindMember(ctx context.Context, cl *kgo.Client, cfg harness.Config, id string) error {
	if cfg.Protocol == harness.Server {
		return describeMember(ctx, cl, cfg.Group, id)
	}
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{cfg.Group}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("describe group: %w", err)
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return fmt.Errorf("describe group: %w", err)
		}
		for _, m := range g.Members {
			if m.MemberID == id {
				return nil
			}
		}
	}
	return kerr.UnknownMemberID
}
