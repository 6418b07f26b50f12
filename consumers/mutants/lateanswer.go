package mutants

import "github.com/stampede-bench/stampede/harness"

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-late-answer",
		"Does not renew the lock of a record whose work takes longer, and accepts it when the group has long handed it to somebody else.",
		func(c *share) { c.renew = false })
	i.MustFail = mustIn("long", "ack after lock expiry")
	i.MayFail = again
	return i
}())
