package mutants

import (
	"github.com/stampede-bench/stampede/consumers/sharegroup"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

var _ = harness.Register(harness.Implementation{
	Name:        "mutant-reads-outside-share-group",
	Doc:         "One of its pods, a member of a share group, also reads two partitions without the group, and works on their records.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Parallelism: func(cfg harness.Config) int { return cfg.Workers + 1 },
	Mutant:      true,
	Share:       true,
	MustFail:    mustFail(oracle.CheckUnexplainedDuplicate),
	MayFail: []harness.Allowance{
		{Check: oracle.CheckRedeliveryOutOfOrder, Why: "repeated records step back"},
		{Check: oracle.CheckRedelivery, Why: "the group may deliver to that pod the records that it reads without the group"},
	},
	New: func(harness.Config) (harness.Consumer, error) { return outsideReader{sharegroup.Consumer{}}, nil },
})
