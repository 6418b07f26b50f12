// Package mutants has good consumers with one seeded bug each, to prove that
// the check for it sees it: a verdict of "pass" means nothing before that. They
// are registered as mutants, so comparisons leave them out unless named.
//
// Nearly all are the keyed consumer with its work tampered with on the way, so
// that nothing else than the bug is different. What a bug does must show in a
// short, calm load; a mutant that acts on some records only therefore picks them
// by offset, the same in every pod and at every delivery.
package mutants

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tampered is a consumer whose calls of the work go through something else.
type tampered struct {
	harness.Consumer
	with func(harness.Work) harness.Work
}

func (t tampered) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return t.Consumer.Consume(ctx, cfg, t.with(w))
}

// keyed is the keyed consumer, tampered with.
func keyed(with func(harness.Work) harness.Work) func(harness.Config) (harness.Consumer, error) {
	return func(cfg harness.Config) (harness.Consumer, error) {
		honest, err := harness.FindImplementation("keyed")
		if err != nil {
			return nil, fmt.Errorf("mutant: %w", err)
		}
		consumer, err := honest.New(cfg)
		return tampered{consumer, with}, err
	}
}

// unordered is the same pool with every record a shard of its own, tampered with.
func unordered(with func(harness.Work) harness.Work) func(harness.Config) (harness.Consumer, error) {
	return func(harness.Config) (harness.Consumer, error) {
		return tampered{pool.Sharded{Shard: func(r *kgo.Record) uint64 {
			return uint64(r.Partition)<<48 | uint64(r.Offset)
		}}, with}, nil
	}
}

func workers(cfg harness.Config) int { return cfg.Workers }

// must are checks that fail in the calm scenario, in which nothing happens.
func must(checks ...string) []harness.Expectation { return mustIn("steady", checks...) }

// mustIn are checks that fail in a scenario.
func mustIn(scenario string, checks ...string) (list []harness.Expectation) {
	for _, c := range checks {
		list = append(list, harness.Expectation{Scenario: scenario, Check: c})
	}
	return list
}

// moved is what any consumer may show when partitions change hands.
var moved = []harness.Allowance{
	{Check: oracle.CheckRedelivery, Why: "what was done above the last commit is done again by the next owner"},
	{Check: oracle.CheckRedeliveryOutOfOrder, Why: "what is done again steps back"},
	{Check: oracle.CheckCommitAfterRevoke, Why: "a cooperative group notes that a member gives up a partition before the member's last commit"},
}

// again is what any consumer may show when the group gives out records once more.
var again = []harness.Allowance{
	{Check: oracle.CheckRedelivery, Why: "the group gives to another what it has no answer for"},
	{Check: oracle.CheckRedeliveryOutOfOrder, Why: "what is done again steps back"},
}

// work is a function as the work.
type work func(context.Context, *harness.Record) error

func (w work) Do(ctx context.Context, r *harness.Record) error { return w(ctx, r) }

// picked is one record in fifty, the first early in each partition.
func picked(r *harness.Record) bool { return r.Offset%50 == 10 }
