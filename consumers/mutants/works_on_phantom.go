package mutants

import (
	"context"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-works-on-phantom",
	Doc:         "After one record in fifty works on another that was never sent, well formed and with a valid checksum.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckPhantom),
	New:         keyed(phantom),
})

// beyond is added to a sequence number; no key has that many records.
const beyond = 1 << 30

func phantom(honest harness.Work) harness.Work {
	return work(func(ctx context.Context, r *harness.Record) error {
		err := honest.Do(ctx, r)
		if err != nil || !picked(r) {
			return err
		}
		id, err := ledger.DecodeIdentity(r.Value)
		if err != nil {
			return fmt.Errorf("phantom: %w", err)
		}
		id.Seq += beyond
		never := *r
		never.Value = slices.Clone(r.Value)
		id.Encode(never.Value)
		return honest.Do(ctx, &never)
	})
}
