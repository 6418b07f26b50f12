package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
	"github.com/twmb/franz-go/pkg/kgo"
)

// As in STORM-2505, robinhood/faust 379, tulios/kafkajs 562 and knative-extensions/eventing-kafka-broker 4451.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-waits-for-deleted-offset",
	Doc:         "Commits up to the first offset that it has not completed, and takes offsets for numbers without a gap. It waits for a deleted record for ever.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("retention-overtakes", oracle.CheckStalledCommit),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckOvertaken, Why: "retention deletes records that it had not read yet, as of any consumer there"},
	}, afterRebalance...),
	New: changeKeyed(commitWithoutGaps),
})

func commitWithoutGaps(p *keyedPod) {
	run := offsetRun{next: map[*group.Assignment]int64{}}
	p.Options.Hooks.Offset = run.extend
	p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
		worker := retryAndNote(run.completed.add)(m, work)
		return notingWorkers{pool.NewScheduler(m.Config().Workers, m.Config().Window, func() func(group.Task) {
			return func(t group.Task) { worker([]group.Task{t}) }
		}), run.begin}
	}
}

// offsetRun is the completed run of each assignment, from its first record on.
type offsetRun struct {
	completed completedOffsets
	mu        sync.Mutex
	next      map[*group.Assignment]int64
}

// begin notes the first record of an assignment.
func (o *offsetRun) begin(t group.Task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, begun := o.next[t.Assignment]; !begun {
		o.next[t.Assignment] = t.Record.Offset
	}
}

// extend is the offset after the run, with what has been completed meanwhile.
func (o *offsetRun) extend(a *group.Assignment) (kgo.EpochOffset, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	next, ok := o.next[a]
	for ; o.completed.remove(a, next); next++ {
		o.next[a] = next + 1
	}
	return kgo.EpochOffset{Epoch: -1, Offset: next}, ok
}

// notingWorkers is the scheduler of the keyed design, which notes each record before it is queued.
type notingWorkers struct {
	*pool.Scheduler[group.Task]
	note func(group.Task)
}

// Submit implements [pool.Workers].
func (w notingWorkers) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	for _, t := range tasks {
		w.note(t)
	}
	w.Scheduler.Submit(tasks, shard)
}
