package capacity_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness/capacity"
)

// A system completes 480 records/s. Its latency grows from there on, and its guarantees
// hold at every load.
func ExampleSearch() {
	full, short := time.Minute, 10*time.Second
	config := capacity.Config{
		Axis:  capacity.Axis{Unit: "records/s", Least: 50, Most: 1000},
		Start: 0.9 * 500, // 0.9 times the bound of the hot key
		Goals: []capacity.Goal{
			{Name: "guarantees", Full: full, Short: short, UpTo: "p99<500ms"},
			{Name: "p99<500ms", Exceed: 0.5, Full: full, Short: short},
		},
	}
	measure := func(_ context.Context, a capacity.Ask) (capacity.Trial, error) {
		t := capacity.Trial{
			Verdicts:  map[string]capacity.Verdict{"guarantees": capacity.Held, "p99<500ms": capacity.Held},
			Completed: a.Load,
		}
		if a.Load > 480 {
			t.Verdicts["p99<500ms"], t.Completed = capacity.Broken, 480
			t.Detail = []string{"p99 2.1s"}
		}
		return t, nil
	}
	r, err := capacity.Search(context.Background(), config, measure)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range r.Trials {
		fmt.Printf("%-8s %5v records/s for %3v: %s\n", t.Purpose, t.Load, t.Duration, t.Verdicts["p99<500ms"])
	}
	for i := range r.Goals {
		fmt.Println(r.Describe(i))
	}
	fmt.Printf("%v records/s came out\n", r.Limiting().Throughput)
	// Output:
	// bracket    450 records/s for 10s: held
	// bracket  562.5 records/s for 10s: broken
	// bisect     492 records/s for 10s: broken
	// bisect   470.5 records/s for 10s: held
	// confirm  470.5 records/s for 1m0s: held
	// confirm    492 records/s for 1m0s: broken
	// guarantees: held up to 470.5 records/s, the answer of p99<500ms
	// p99<500ms: answered: 470.5 records/s held, 492 records/s broken
	// 470.5 records/s came out
}
