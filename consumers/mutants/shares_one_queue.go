package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-shares-one-queue",
	Doc:         "All keys of a pod wait in one queue: a key whose work fails holds all the others up.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("sick-key", oracle.CheckBlastRadius),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckStarvation, Why: "the keys behind it wait, however short their work is"},
		{Check: oracle.CheckOverload, Why: "one worker a pod is not enough for the load"},
	},
	New: made(func(q *queues) {
		q.submit = func(m *member, t task) { m.queues[0] <- t }
	}),
})
