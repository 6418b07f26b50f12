package relay

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// exclusiveCopiers fence previous owners off: only the owner of a source partition can copy
// its records.
//
//   - Copies are made in transactions, with a transactional id for each source partition.
//     When an owner begins to use the id, the broker aborts the previous owner's open
//     transaction and takes no more records from it (KIP-98).
//   - An owner copies only if the group has it as a member after it began to use the id. So it
//     can lose the partition only later, and the next owner begins to use the id later still.
//   - A previous owner that stood still and begins to use the id late finds that it is no
//     member, and copies nothing. It has fenced the owner. The owner finds out with its
//     next copy, and begins to use the id again.
type exclusiveCopiers struct {
	cfg     harness.Config // cfg is that of the source's group
	prefix  string         // prefix of the transactional ids
	queries *Copier        // queries has the client for requests to the group
}

func newExclusiveCopiers(ctx context.Context, cfg harness.Config, prefix string) (exclusiveCopiers, error) {
	queries, err := NewCopier(ctx, cfg)
	return exclusiveCopiers{cfg, prefix, queries}, err
}

// openCopier makes a copier for the owner of a's partition, with more options. The caller
// closes it.
func (c exclusiveCopiers) openCopier(ctx context.Context, a *group.Assignment, more ...kgo.Opt) (*Copier, error) {
	if err := group.FindMember(ctx, c.queries.client, c.cfg, a.MemberID()); err != nil {
		return nil, err // before the id is used, so that an expelled member fences no owner
	}
	copier, err := NewCopier(ctx, c.cfg, append(more,
		kgo.TransactionalID(fmt.Sprintf("%s.%d", c.prefix, a.Partition().Partition)),
		kgo.TransactionTimeout(2*c.cfg.Session), // after that time the partition has a new owner
	)...)
	if err != nil {
		return nil, err
	}
	if _, _, err = copier.client.ProducerID(ctx); err == nil {
		err = group.FindMember(ctx, c.queries.client, c.cfg, a.MemberID())
	}
	if err == nil {
		err = a.Context().Err() // a member of KIP-848 that joins again keeps its id, but its assignments have ended
	}
	if err != nil {
		copier.Close()
		return nil, fmt.Errorf("open the copier of partition %d: %w", a.Partition().Partition, err)
	}
	return copier, nil
}
