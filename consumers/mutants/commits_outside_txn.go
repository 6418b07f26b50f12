package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainTransaction("mutant-commits-outside-txn",
		"Commits its offsets by a request of their own, before the transaction with the output ends.",
		func(t *transactional) {
			t.before = func(ctx context.Context, c *kgo.Client, in []*kgo.Record) {
				_ = c.CommitRecords(ctx, in...)
			}
		})
	i.MustFail = mustIn("steady", oracle.CheckTransactionAtomicity)
	i.MayFail = []harness.Allowance{
		{Check: oracle.CheckPrematureCommit, Why: "until the transaction ends, nobody sees the output"},
		{Check: oracle.CheckLoss, Why: "a transaction that is aborted, as by a rebalance, takes the output with it and not the commit"},
	}
	return i
}())
