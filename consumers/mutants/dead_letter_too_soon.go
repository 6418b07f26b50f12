package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainRetries("mutant-dead-letter-too-soon",
		"Gives a record up after its first failure, although it says that it tries twice.",
		func(c *retries) { c.sendRetry = c.sendDead })
	i.MustFail = mustFailIn("failing", oracle.CheckPrematureDeadLetter)
	i.MayFail = formingRetryGroup
	return i
}())
