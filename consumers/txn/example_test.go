package txn_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/txn"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A session that copies a topic exactly once.
func Example() {
	run := func(ctx context.Context, cfg harness.Config) error {
		s, err := txn.Join(ctx, cfg)
		if err != nil {
			return err // a new session may succeed after txn.ErrBroken
		}
		defer s.Leave()
		for {
			records, err := s.Poll(cfg.MaxPoll)
			if err != nil {
				return err // a new session is needed after group.ErrRejoined, unless ctx has ended
			}
			err = s.Transact(func(context.Context) (outputs []*kgo.Record, ok bool) {
				for _, r := range records {
					outputs = append(outputs, &kgo.Record{Topic: "copy", Key: r.Key, Value: r.Value})
				}
				return outputs, true
			})
			if err != nil {
				return err
			}
		}
	}
	err := run(context.Background(), harness.Config{Pod: "pod-1"})
	fmt.Println(err, errors.Is(err, txn.ErrBroken))
	// Output: client pod-1.0: no seeds false
}
