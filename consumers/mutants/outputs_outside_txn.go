package mutants

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainTransaction("mutant-outputs-outside-txn",
		"Writes its output by a second producer, outside the transaction: what is aborted stays, and comes again.",
		func(t *transactional) {
			t.second = plainClient
			t.produce = func(ctx context.Context, _ *kgo.Client, out []*kgo.Record) error {
				return client.Produce(ctx, t.other, out...)
			}
		})
	i.MustFail = mustIn("crash", oracle.CheckTransactionAtomicity)
	i.MayFail = append([]harness.Allowance{{Check: oracle.CheckUnexplainedDuplicate, Why: "what stays of an aborted transaction comes once more with the next"}}, moved...)
	return i
}())

// plainClient makes a client that is a member of no group.
func plainClient(cfg harness.Config) (*kgo.Client, error) {
	options, err := client.BaseOptions(cfg)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	return client, nil
}
