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
		"Writes its outputs with a second producer, outside the transaction. The outputs of an aborted transaction stay, and come again.",
		func(t *transactional) {
			t.outsideClient = newPlainClient
			t.write = func(ctx context.Context, clients txnClients, _, outputs []*kgo.Record) ([]*kgo.Record, error) {
				return nil, client.Produce(ctx, clients.outside, outputs...)
			}
		})
	i.MustFail = mustFailIn("crash", oracle.CheckTransactionAtomicity)
	i.MayFail = append([]harness.Allowance{{Check: oracle.CheckUnexplainedDuplicate, Why: "the outputs of an aborted transaction come again with the next"}}, afterRebalance...)
	return i
}())

// newPlainClient makes a client that is a member of no group.
func newPlainClient(cfg harness.Config) (*kgo.Client, error) {
	options, err := client.BaseOptions(cfg)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	return cl, nil
}
