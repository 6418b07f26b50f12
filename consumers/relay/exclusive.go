package relay

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// exclusiveCopiers give who has a partition of the source the right to copy its records, which
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
type exclusiveCopiers struct {
	cfg     harness.Config // cfg is that of the source's group
	name    string         // name is what the ids begin with
	queries *Copier        // queries has the client for questions
}

func newExclusiveCopiers(ctx context.Context, cfg harness.Config, name string) (exclusiveCopiers, error) {
	asks, err := NewCopier(ctx, cfg)
	return exclusiveCopiers{cfg, name, asks}, err
}

// openCopier gets the right to copy the records of a partition under an assignment of it: a
// copier with options of its own, which the caller closes.
func (c exclusiveCopiers) openCopier(ctx context.Context, a *group.Assignment, more ...kgo.Opt) (*Copier, error) {
	if err := group.FindMember(ctx, c.queries.client, c.cfg, a.MemberID()); err != nil {
		return nil, err // keep nobody out
	}
	copies, err := NewCopier(ctx, c.cfg, append(more,
		kgo.TransactionalID(fmt.Sprintf("%s.%d", c.name, a.Partition().Partition)),
		kgo.TransactionTimeout(2*c.cfg.Session), // whoever is gone for longer has a successor
	)...)
	if err != nil {
		return nil, err
	}
	if _, _, err = copies.client.ProducerID(ctx); err == nil {
		err = group.FindMember(ctx, c.queries.client, c.cfg, a.MemberID())
	}
	if err == nil {
		err = a.Context().Err() // in KIP-848 who joins anew keeps its id, after all it had has ended
	}
	if err != nil {
		copies.Close()
		return nil, fmt.Errorf("get the right to copy: %w", err)
	}
	return copies, nil
}
