package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-rehashes",
	Doc:         "Turns to half its workers and back again and again, and lets keys change their queue while records of theirs wait in the old one.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: workers,
	Mutant:      true,
	MustFail:    mustIn("uneven", oracle.CheckOverlap),
	MayFail:     []harness.Allowance{{Check: oracle.CheckKeyInversion, Why: "of two queues with records of one key the second may be ahead"}},
	New: made(func(q *queues) {
		submitted := 0
		q.submit = func(m *member, t task) {
			n := len(m.queues)
			if submitted++; submitted/resizeAfter%2 == 1 {
				n--
			}
			m.queues[hash(t.Key)%uint32(n)] <- t
		}
	}),
})

// resizeAfter is how many records a pod takes between two changes.
const resizeAfter = 25
