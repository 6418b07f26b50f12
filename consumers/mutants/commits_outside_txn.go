package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainTransaction("mutant-commits-outside-txn",
		"Commits its offsets by a separate request, before the transaction with the outputs ends.",
		func(t *transactional) {
			t.write = func(ctx context.Context, clients txnClients, in, outputs []*kgo.Record) ([]*kgo.Record, error) {
				_ = clients.session.CommitRecords(ctx, in...)
				return outputs, nil
			}
		})
	i.MustFail = mustFail(oracle.CheckTransactionAtomicity)
	i.MayFail = []harness.Allowance{
		{Check: oracle.CheckPrematureCommit, Why: "no reader sees the outputs until the transaction ends"},
		{Check: oracle.CheckLoss, Why: "an aborted transaction takes back the outputs and not the commit"},
	}
	return i
}())
