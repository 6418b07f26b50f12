package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in aio-libs/aiokafka 848 and spring-kafka 742.
var _ = harness.Register(harness.Implementation{
	Name: "mutant-exceeds-poll-interval",
	Doc: "Works on all records that wait as one batch. A batch that takes longer than the poll interval makes the member leave. " +
		"Its commit fails, it joins again, and gets the same records.",
	Delivery:  harness.AtLeastOnce,
	Order:     harness.OrderNone,
	Buffering: harness.Unbounded, // its batch is all that waits
	Mutant:    true,
	MustFail:  append(mustFailIn("busy", oracle.CheckLivelock), mustFailIn("long-poll", oracle.CheckLivelock)...),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckStall, Why: "no batch is ever committed, so some partitions get no work"},
		{Check: oracle.CheckUnexplainedDuplicate, Why: "it finishes a batch after it left, while the next owner works on the same records"},
		{Check: oracle.CheckZombie, Why: "it finishes a batch after it left"},
		{Check: oracle.CheckPodLiveness, Why: "it is no member while it finishes a batch"},
		{Check: oracle.CheckStalledCommit, Why: "it commits at the end of a batch only"},
		{Check: oracle.CheckOverload, Why: "it gets little done"},
	}, afterRebalance...),
	New: func(harness.Config) (harness.Consumer, error) { return pollInterval{}, nil },
})

// pollInterval is a client that leaves its group if no poll comes for too long, as other
// clients do.
type pollInterval struct{}

// Consume implements [harness.Consumer].
func (pollInterval) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	for ctx.Err() == nil {
		if err := consumeUntilLate(ctx, cfg, w); err != nil {
			return err
		}
	}
	return nil
}

// consumeUntilLate consumes as one member, until a batch takes longer than the interval.
func consumeUntilLate(ctx context.Context, cfg harness.Config, w harness.Work) error {
	opts := []kgo.Opt{kgo.DisableAutoCommit()}
	cl, err := client.NewMember(cfg, opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	p := &habitPod{ctx: ctx, cfg: cfg, client: cl, work: w}
	interval := cfg.Session / 2
	for ctx.Err() == nil {
		fetches, err := p.poll(0)
		if err != nil {
			return err
		}
		leave := time.AfterFunc(interval, func() { leaveGroup(cl, interval) })
		for _, r := range fetches.Records() {
			if p.do(ctx, r) != nil {
				break
			}
		}
		if !leave.Stop() {
			return nil // it has left
		}
		client.LogFailure(cfg, "commit", cl.CommitUncommittedOffsets(ctx)) // the next commit makes up for it
	}
	leaveGroup(cl, interval)
	return nil
}

func leaveGroup(cl *kgo.Client, within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = cl.LeaveGroupContext(ctx) // the session ends otherwise
}
