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
	Doc:         "After one record in fifty it works on a record that was never sent, with a valid form and checksum.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFail(oracle.CheckPhantom),
	New:         tamperedKeyed(addPhantoms),
})

// phantomSeq is added to a sequence number. No key has that many records.
const phantomSeq = 1 << 30

func addPhantoms(honest harness.Work) harness.Work {
	return workFunc(func(ctx context.Context, r *harness.Record) error {
		err := honest.Do(ctx, r)
		if err != nil || !isPicked(r) {
			return err
		}
		id, err := ledger.DecodeIdentity(r.Value)
		if err != nil {
			return fmt.Errorf("read identity: %w", err)
		}
		id.Seq += phantomSeq
		never := *r
		never.Value = slices.Clone(r.Value)
		id.Encode(never.Value)
		return honest.Do(ctx, &never)
	})
}
