package mutants

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-completes-before-work",
	Doc:         "Calls a record done when it has it and works on it two commit intervals later, in order.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    must(oracle.CheckPrematureCommit),
	New: func(cfg harness.Config) (harness.Consumer, error) {
		honest, err := keyed(func(w harness.Work) harness.Work { return w })(cfg)
		return early{honest}, err
	},
})

type early struct{ harness.Consumer }

// promise is a record that counts as done and is not.
type promise struct {
	record harness.Record
	due    time.Time
}

// Consume keeps a lane of promises for each worker, a key always in the same,
// and keeps them all before it returns.
func (e early) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	lanes := make([]chan promise, cfg.Workers)
	var keeping sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan promise, cfg.Window)
		keeping.Go(func() { keep(ctx, later, lanes[i], w) })
	}
	seed := maphash.MakeSeed()
	err := e.Consumer.Consume(ctx, cfg, work(func(ctx context.Context, r *harness.Record) error {
		p := promise{*r, time.Now().Add(2 * cfg.Commit)}
		p.record.Headers = slices.Clone(r.Headers)
		select {
		case lanes[maphash.Bytes(seed, r.Key)%uint64(len(lanes))] <- p:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
	for _, lane := range lanes {
		close(lane)
	}
	budget := time.AfterFunc(cfg.Drain, cancel)
	keeping.Wait()
	budget.Stop()
	return err
}

// keep does the work on promises when they are due, or at once when hurry ends.
func keep(hurry, later context.Context, lane <-chan promise, w harness.Work) {
	for p := range lane {
		select {
		case <-time.After(time.Until(p.due)):
		case <-hurry.Done():
		}
		if w.Do(later, &p.record) != nil {
			return
		}
	}
}
