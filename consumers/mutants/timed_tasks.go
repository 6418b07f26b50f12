package mutants

import (
	"time"

	"github.com/stampede-bench/stampede/consumers/group"
	"github.com/stampede-bench/stampede/consumers/pool"
)

// timedTask is a record with the time at which the pod got it.
type timedTask struct {
	group.Task
	since time.Time
}

// timedScheduler is the scheduler of the keyed design, whose workers know since when a record waits.
type timedScheduler struct{ *pool.Scheduler[timedTask] }

func newTimedScheduler(m *group.Member, run func(timedTask)) timedScheduler {
	return timedScheduler{pool.NewScheduler(m.Config().Workers, m.Config().Window, func() func(timedTask) { return run })}
}

// Submit implements [pool.Workers].
func (s timedScheduler) Submit(tasks []group.Task, shard func(group.Task) uint64) {
	now := time.Now()
	timed := make([]timedTask, 0, len(tasks))
	for _, t := range tasks {
		timed = append(timed, timedTask{t, now})
	}
	s.Scheduler.Submit(timed, func(t timedTask) uint64 { return shard(t.Task) })
}
