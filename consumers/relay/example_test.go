package relay_test

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/consumers/relay"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A consumer that copies its source to another topic, and works on the copies.
func ExampleForwarder() {
	consume := func(ctx context.Context, cfg harness.Config, work harness.Work) error {
		copies := cfg
		copies.Topic, copies.Group = "copies", cfg.Group+".copies"
		f, err := relay.NewForwarder(ctx, cfg, copies.Group, func(*kgo.Record) string { return copies.Topic })
		if err != nil {
			return err
		}
		defer f.Close()
		return relay.RunTogether(ctx,
			func(ctx context.Context) error { return f.Source().Consume(ctx, cfg, work) },
			func(ctx context.Context) error { return pool.Sharded{Shard: pool.ByKey()}.Consume(ctx, copies, work) },
		)
	}
	fmt.Println(consume(context.Background(), harness.Config{Pod: "pod-1"}, nil))
	// Output: client pod-1.0: no seeds
}

func ExampleFailureHeader() {
	r := &harness.Record{Topic: "orders", Partition: 2, Offset: 17}
	h := relay.FailureHeader(r, harness.ErrPoison)
	fmt.Printf("%s: %s\n", h.Key, h.Value)
	// Output: failed: orders/2@17: poison record
}
