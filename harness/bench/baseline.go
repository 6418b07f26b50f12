package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/stampede-bench/stampede/harness"
)

// baselineName names the consumer that [Pipeline] compares with: a franz-go client
// that counts records and does nothing else. It is registered as a mutant, so
// that comparisons leave it out.
const baselineName = "baseline"

var _ = harness.Register(harness.Implementation{
	Name: baselineName, Doc: "A franz-go client without work: it counts records and returns after a number of them.",
	Delivery: harness.AtMostOnce, Order: harness.OrderNone, Mutant: true,
	Knobs: []harness.Knob{{Name: "records", Default: "1", Doc: "number of records to count"}},
	New:   func(harness.Config) (harness.Consumer, error) { return baseline{}, nil },
})

type baseline struct{}

// Consume returns when it has counted its records. The parent process sees that
// the pod has ended.
func (baseline) Consume(ctx context.Context, cfg harness.Config, _ harness.Work) error {
	left, err := strconv.Atoi(cfg.Knobs["records"])
	if err != nil {
		return fmt.Errorf("knob records: %w", err)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Seeds...), kgo.ClientID(cfg.ClientID()), kgo.ConsumeTopics(cfg.Topic),
		kgo.ConsumerGroup(cfg.Group), kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.FetchMaxWait(250 * time.Millisecond),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
	}
	if cfg.Dialer != nil {
		opts = append(opts, kgo.Dialer(cfg.Dialer))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if errors.Is(fetches.Err0(), context.Canceled) {
			return nil
		}
		left -= fetches.NumRecords()
	}
	return nil
}
