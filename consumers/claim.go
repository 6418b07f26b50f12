package consumers

import (
	"context"
	"fmt"
	"sync"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// claims give who has a partition of the source the right to copy its records, which
// nobody else has meanwhile:
//
//   - Copies are made in transactions, under an id that is the partition's. The broker
//     takes none of who used the id before, once another has begun to, and settles what
//     that one had under way.
//   - An owner copies only if the group had it as a member after it began to use the id.
//     So it can lose the partition only later, and who gets it then begins later still.
//   - An owner of before that begins to use the id late, having stood still, finds that it
//     is no member and copies nothing. It has kept out who has the partition, who finds so
//     with the next copy, and begins anew.
type claims struct {
	cfg  harness.Config // cfg is that of the source's group
	name string         // name is what the ids begin with
	asks *copier        // asks has the client for questions
}

func newClaims(ctx context.Context, cfg harness.Config, name string) (claims, error) {
	asks, err := newCopier(ctx, cfg)
	return claims{cfg, name, asks}, err
}

// claim gets the right to copy the records of a partition under an assignment of it: a
// copier with options of its own, which the caller closes.
func (c claims) claim(ctx context.Context, a *assignment, partition int32, more ...kgo.Opt) (*copier, error) {
	if err := c.member(ctx, a.member); err != nil {
		return nil, err // keep nobody out
	}
	copies, err := newCopier(ctx, c.cfg, append(more,
		kgo.TransactionalID(fmt.Sprintf("%s.%d", c.name, partition)),
		kgo.TransactionTimeout(2*c.cfg.Session), // whoever is gone for longer has a successor
	)...)
	if err != nil {
		return nil, err
	}
	if _, _, err = copies.client.ProducerID(ctx); err == nil {
		err = c.member(ctx, a.member)
	}
	if err == nil {
		err = a.ctx.Err() // in KIP-848 who joins anew keeps its id, after all it had has ended
	}
	if err != nil {
		copies.close()
		return nil, fmt.Errorf("get the right to copy: %w", err)
	}
	return copies, nil
}

// member asks the source's group whether it has a member with an id.
func (c claims) member(ctx context.Context, id string) error {
	if c.cfg.Protocol == harness.Server {
		return described(ctx, c.asks.client, c.cfg.Group, id)
	}
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{c.cfg.Group}
	resp, err := req.RequestWith(ctx, c.asks.client)
	if err != nil {
		return fmt.Errorf("ask for the group: %w", err)
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return fmt.Errorf("ask for the group: %w", err)
		}
		for _, m := range g.Members {
			if m.MemberID == id {
				return nil
			}
		}
	}
	return kerr.UnknownMemberID
}

// holders are what a design has for each assignment beside records and commits. Safe for
// concurrent use.
type holders[T interface{ close() }] struct {
	all sync.WaitGroup // all that are not closed yet

	mu    sync.Mutex
	known map[*assignment]T
}

// of is what there is for an assignment, made when it is asked for first. It is closed
// when the assignment ends.
func (h *holders[T]) of(a *assignment, make func() T) T {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one, ok := h.known[a]; ok {
		return one
	}
	if h.known == nil {
		h.known = map[*assignment]T{}
	}
	one := make()
	h.known[a] = one
	h.all.Add(1)
	context.AfterFunc(a.ctx, func() {
		defer h.all.Done()
		one.close()
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.known, a)
	})
	return one
}

// wait waits until all are closed; all assignments must have ended.
func (h *holders[T]) wait() { h.all.Wait() }
