package mutants

import (
	"context"
	"fmt"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-wrong-call-order",
	Doc:         "Puts the records of a key into a call in the wrong order.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("uneven", oracle.CheckKeyInversion),
	New: func(cfg harness.Config) (harness.Consumer, error) {
		honest, err := harness.FindImplementation("keyed-batch")
		if err != nil {
			return nil, fmt.Errorf("mutant: %w", err)
		}
		cfg.Knobs = map[string]string{"batch": "10"}
		consumer, err := honest.New(cfg)
		return tampered{consumer, func(w harness.Work) harness.Work { return backwards{w} }}, err
	},
})

type backwards struct{ harness.Work }

func (w backwards) DoBatch(ctx context.Context, records []harness.Record) error {
	records = slices.Clone(records)
	slices.Reverse(records)
	return w.Work.(harness.BatchWork).DoBatch(ctx, records)
}
