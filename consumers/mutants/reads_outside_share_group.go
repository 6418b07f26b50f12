package mutants

import (
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(func() harness.Implementation {
	i := plainShare("mutant-reads-outside-share-group", "A pod of a share group reads two partitions beside it, and works on what it reads.", nil)
	i.Parallelism = func(cfg harness.Config) int { return cfg.Workers + 1 }
	i.MustFail = mustIn("steady", oracle.CheckUnexplainedDuplicate)
	i.MayFail = []harness.Allowance{
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "what it does again steps back"},
		{Check: oracle.CheckRedelivery, Why: "what the group gave to that pod too it may have had from there"},
	}
	group := i.New
	i.New = func(cfg harness.Config) (harness.Consumer, error) {
		c, err := group(cfg)
		return beside{c}, err
	}
	return i
}())
