package mutants

import "github.com/stampede-bench/stampede/harness"

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-one-queue",
	Doc:         "All keys of a pod wait in one queue: a key whose work fails holds all the others up.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("sick-key", "blast radius"),
	MayFail: []harness.Allowance{
		{Check: "starvation", Why: "the keys behind it wait, however short their work is"},
		{Check: "overload", Why: "one worker a pod is not enough for the load"},
	},
	New: made(func(q *queues) {
		q.submit = func(m *member, t task) { m.queues[0] <- t }
	}),
})
