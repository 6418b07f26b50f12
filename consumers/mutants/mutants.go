// Package mutants has good consumers with one seeded bug each. They prove that the checks
// find these bugs: before that, a verdict of "pass" means nothing. They are registered as mutants,
// so a comparison leaves them out unless it names them.
//
// A mutant has one file, named by its bug, and is an honest consumer but for the bug. Many
// tamper with the work of a design. Others change one step of a part of consumers (group,
// pool, relay, txn), or of a small consumer in a file plain_*.go.
//
// A bug must show under a short, undisturbed load. A mutant that acts on some records only
// picks them by offset: the same in every pod and at every delivery.
package mutants

import (
	"context"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tampered is a consumer whose calls of the work go through something else.
type tampered struct {
	harness.Consumer
	with func(harness.Work) harness.Work
}

func (t tampered) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	return t.Consumer.Consume(ctx, cfg, t.with(w))
}

// tamperedKeyed is the keyed design with its work tampered with.
func tamperedKeyed(with func(harness.Work) harness.Work) func(harness.Config) (harness.Consumer, error) {
	return func(harness.Config) (harness.Consumer, error) {
		return tampered{pool.Sharded{Shard: pool.ByKey()}, with}, nil
	}
}

// tamperedUnordered is the same without any order of records.
func tamperedUnordered(with func(harness.Work) harness.Work) func(harness.Config) (harness.Consumer, error) {
	return func(harness.Config) (harness.Consumer, error) {
		return tampered{pool.Sharded{Shard: pool.ByRecord()}, with}, nil
	}
}

// keyedPod is the keyed design in one pod, before it runs.
type keyedPod struct {
	pool.Sharded
	ctx  context.Context
	cfg  harness.Config
	work harness.Work
}

// changedKeyed is the keyed design but for what change does. It is called in each pod, so its
// variables belong to one pod.
type changedKeyed struct{ change func(*keyedPod) }

// Consume implements [harness.Consumer].
func (k changedKeyed) Consume(ctx context.Context, cfg harness.Config, w harness.Work) error {
	p := keyedPod{Sharded: pool.Sharded{Shard: pool.ByKey()}, ctx: ctx, cfg: cfg, work: w}
	k.change(&p)
	return p.Sharded.Consume(ctx, p.cfg, p.work)
}

func changeKeyed(change func(*keyedPod)) func(harness.Config) (harness.Consumer, error) {
	return func(harness.Config) (harness.Consumer, error) { return changedKeyed{change}, nil }
}

func allWorkers(cfg harness.Config) int { return cfg.Workers }

// mustFail are checks that fail in the steady scenario, without any fault.
func mustFail(checks ...string) []harness.Expectation { return mustFailIn("steady", checks...) }

// mustFailIn are checks that fail in a scenario.
func mustFailIn(scenario string, checks ...string) (list []harness.Expectation) {
	for _, c := range checks {
		list = append(list, harness.Expectation{Scenario: scenario, Check: c})
	}
	return list
}

// afterRebalance is what any consumer may show when a partition gets another owner.
var afterRebalance = []harness.Allowance{
	{Check: oracle.CheckRedelivery, Why: "the next owner repeats the records completed above the last commit"},
	{Check: oracle.CheckRedeliveryOutOfOrder, Why: "repeated records step back"},
	{Check: oracle.CheckCommitAfterRevoke, Why: "a cooperative group notes that a member gives up a partition before the member's last commit"},
}

// afterRelease is what any consumer may show when a share group delivers records again.
var afterRelease = []harness.Allowance{
	{Check: oracle.CheckRedelivery, Why: "the group delivers unacknowledged records to another member"},
	{Check: oracle.CheckRedeliveryOutOfOrder, Why: "repeated records step back"},
}

// workFunc is a function as the work.
type workFunc func(context.Context, *harness.Record) error

// Do implements [harness.Work].
func (w workFunc) Do(ctx context.Context, r *harness.Record) error { return w(ctx, r) }

// viewRecord is a record as the work gets it. It stays valid.
func viewRecord(r *kgo.Record) *harness.Record {
	view := &harness.Record{}
	client.FillRecord(view, r)
	view.Deliveries = int(r.DeliveryCount())
	return view
}

// isPicked reports whether a record is one in fifty, the first early in each partition.
func isPicked(r *harness.Record) bool { return r.Offset%50 == 10 }

// shortPause is the pause of mutants that repeat something.
const shortPause = 20 * time.Millisecond

// sleepContext waits for d. The error is that of ctx, if ctx ends first.
func sleepContext(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAndNote is the honest worker that notes each record which it completed, before it
// counts as completed.
func retryAndNote(note func(group.Task)) func(*group.Member, harness.Work) func([]group.Task) {
	return func(_ *group.Member, work harness.Work) func([]group.Task) {
		return func(batch []group.Task) {
			for _, t := range batch {
				if !t.Start() {
					continue
				}
				err := pool.Retry(t.Assignment.Context(), work, viewRecord(t.Record))
				if err == nil {
					note(t)
				}
				t.Finish(err == nil)
			}
		}
	}
}
