package mutants

import (
	"sync"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// As in librdkafka 2557 and 3471, and confluent-kafka-python 1270.
var _ = harness.Register(harness.Implementation{
	Name:        "mutant-drops-when-paused",
	Doc:         "Pauses a partition whose queue is full, and drops the rest of the poll. It hopes that the client reads it again after the resume, and the client goes on behind it.",
	Delivery:    harness.AtLeastOnce,
	Order:       harness.OrderKey,
	Parallelism: allWorkers,
	Mutant:      true,
	MustFail:    mustFailIn("pod-crash", oracle.CheckLoss, oracle.CheckPrematureCommit),
	MayFail: append([]harness.Allowance{
		{Check: oracle.CheckKeyInversion, Why: "the next owner reads a dropped record again, after later records of its key had their effects"},
	}, afterRebalance...),
	New: changeKeyed(func(p *keyedPod) {
		p.NewWorkers = func(m *group.Member, work harness.Work) pool.Workers {
			q := &pausingQueues{member: m, queued: map[group.TopicPartition]int{}, paused: map[group.TopicPartition]bool{}}
			q.Scheduler = pool.NewScheduler(m.Config().Workers, m.Config().Window, func() func(group.Task) {
				honest := pool.NewWorker(work)
				return func(t group.Task) {
					honest.Run(t)
					q.noteDone(t.Assignment.Partition())
				}
			})
			return q
		}
	}),
})

const (
	pauseAbove  = 40 // pauseAbove is how many records of a partition are queued when it is paused
	resumeBelow = 10
)

// pausingQueues is a scheduler that pauses the partitions of which it has many records.
type pausingQueues struct {
	*pool.Scheduler[group.Task]
	member *group.Member

	mu     sync.Mutex
	queued map[group.TopicPartition]int
	paused map[group.TopicPartition]bool
}

// Submit implements [pool.Workers].
func (q *pausingQueues) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	var taken []group.Task
	for _, t := range tasks {
		if q.take(t.Assignment.Partition()) {
			taken = append(taken, t)
		} else {
			completeWithoutWork(t) // the bug: the client does not read it again
		}
	}
	q.Scheduler.Submit(taken, shard)
}

// take counts a record as queued, or pauses its partition and reports false.
func (q *pausingQueues) take(p group.TopicPartition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queued[p] < pauseAbove {
		q.queued[p]++
		return true
	}
	if !q.paused[p] {
		q.paused[p] = true
		q.member.Client().PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
	}
	return false
}

func (q *pausingQueues) noteDone(p group.TopicPartition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queued[p]--
	if q.paused[p] && q.queued[p] <= resumeBelow {
		q.paused[p] = false
		q.member.Client().ResumeFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
	}
}
