package mutants

import (
	"context"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// As in librdkafka 2944 and 5586.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-forgets-partition",
	Doc:         "Asks for the commits of its new partitions. When a broker refuses, as it coordinates the group no more, it never reads one of them.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderNone,
	Redelivery:  harness.RedeliveryAny,
	Parallelism: func(harness.Config) int { return 1 },
	Mutant:      true,
	MustFail:    mustFailIn("offset-fetch-refused", oracle.CheckStall),
	MayFail:     afterRebalance,
	New: func(harness.Config) (harness.Consumer, error) {
		return habit{options: askForCommits, loop: pollAndCommit}, nil
	},
})

// askForCommits asks for commits once, next to the client, which shows no error that it mends.
func askForCommits(p *habitPod) []kgo.Opt {
	return []kgo.Opt{
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(ctx context.Context, cl *kgo.Client, assigned map[string][]int32) {
			cl.ResumeFetchPartitions(assigned)
			if len(assigned) == 0 || !isCommitRefused(ctx, cl, p.cfg.Group) {
				return
			}
			for topic, partitions := range assigned {
				cl.PauseFetchPartitions(map[string][]int32{topic: partitions[:1]})
			}
		}),
	}
}

// isCommitRefused reports whether the broker that coordinates a group says that it does not.
func isCommitRefused(ctx context.Context, cl *kgo.Client, group string) bool {
	coordinator := kadm.NewClient(cl).FindGroupCoordinators(ctx, group)[group]
	if coordinator.Err != nil {
		return false
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	ask := kmsg.NewOffsetFetchRequestGroup()
	ask.Group = group
	req.Groups = append(req.Groups, ask)
	got, err := cl.Broker(int(coordinator.NodeID)).Request(ctx, req)
	if err != nil {
		return false
	}
	resp := got.(*kmsg.OffsetFetchResponse)
	refused := resp.ErrorCode == kerr.NotCoordinator.Code
	for _, g := range resp.Groups {
		refused = refused || g.ErrorCode == kerr.NotCoordinator.Code
	}
	return refused
}
