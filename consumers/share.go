package consumers

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = harness.Register(harness.Implementation{
	Name: "share",
	Doc: "Members of a share group (KIP-932), in which the broker gives each record to one of them and counts: each takes a batch, answers for every record when " +
		"its work is done, and takes the next. A pod has several clients, since one waits for the slowest of its batch; locks of what takes long are renewed. " +
		"Work that fails is tried again in place: given back, a record is given up by the group after so many deliveries, whoever is to blame.",
	Use: "Jobs that stand alone: no order, more members than partitions, a slow record holds nobody up but its batch. Not where order is wanted, nor on brokers " +
		"before 4.1; a poison record keeps one client of one pod busy for good.",
	Bound:       "W / service time, whatever keys and partitions.",
	Crash:       "Repeats what was in work, as soon as the broker finds the connection gone, or its locks expire.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: workers,
	Share:       true,
	Knobs: []harness.Knob{{
		Name: "clients", Default: "4", Doc: "clients of a pod, which share its workers", Check: func(v string) error { _, err := clients(v); return err },
	}},
	New: func(cfg harness.Config) (harness.Consumer, error) {
		n, err := clients(cfg.Knobs["clients"])
		return share{n}, err
	},
})

func clients(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 100 {
		return 0, fmt.Errorf("%q is not a number of clients from 1 to 100", v)
	}
	return n, nil
}

type share struct{ clients int }

// Consume runs the clients over one pool of workers. When ctx ends each finishes what it
// has in hand within the drain budget, and gives back the rest.
func (s share) Consume(ctx context.Context, cfg harness.Config, work harness.Work) error {
	working, cancel := outlast(ctx, cfg.Drain)
	defer cancel()
	pool := newShared(cfg.Workers).around(work)
	parts := make([]func(context.Context) error, s.clients)
	for n := range parts {
		// Twice as many in hand as there are workers, so that those whose batch ends
		// early leave none idle.
		batch := max(1, (2*cfg.Workers+n)/s.clients)
		parts[n] = func(ctx context.Context) error { return takeShares(ctx, working, cfg, batch, pool) }
	}
	return together(ctx, parts...)
}

// takeShares is one client, which works on batches under the context working until ctx ends.
func takeShares(ctx, working context.Context, cfg harness.Config, batch int, work harness.Work) error {
	options, err := ClientOptions(cfg)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(append(options, FetchOptions(cfg)...),
		kgo.ShareGroup(cfg.Group),
		kgo.ShareMaxRecords(int32(batch)),
		kgo.ShareMaxRecordsStrict(), // more would lie in the client with their locks running
	)...)
	if err != nil {
		return fmt.Errorf("client %s: %w", cfg.ClientID(), err)
	}
	defer client.Close() // sends the last answers
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, batch)
		if err := fatal(fetches); err != nil && ctx.Err() == nil {
			return err
		}
		var answered sync.WaitGroup
		fetches.EachRecord(func(r *kgo.Record) {
			answered.Go(func() { answer(working, cfg.Lock, work, r) })
		})
		answered.Wait() // the next poll would accept what has no answer
	}
	return nil
}

// answer works on a record, under a lock that is renewed, until it has its effect, and
// accepts it; or, once ctx has ended, releases it.
func answer(ctx context.Context, lock time.Duration, work harness.Work, r *kgo.Record) {
	renewed, stop := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(lock / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.Ack(kgo.AckRenew)
			case <-renewed.Done():
				return
			}
		}
	})
	var record harness.Record
	fill(&record, r)
	record.Deliveries = int(r.DeliveryCount())
	err := retry(ctx, work, &record)
	stop()
	renewing.Wait() // a renewal after the answer would be an error
	if err != nil {
		r.Ack(kgo.AckRelease)
		return
	}
	r.Ack(kgo.AckAccept)
}
