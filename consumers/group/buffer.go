package group

import (
	"context"
	"math"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// This file lets fetched records wait in a buffer of their assignment before they are
// accepted. Two options need it.
//
// PartitionQuotas: a client returns all records it has of one partition, hundreds, before
// it comes to the next. With a backlog the window would be full of one or two
// partitions, and the workers of all others idle. So each partition has a quota of
// the window, and the rest waits in its buffer.
//
// Due: a record that is not due waits in the buffer. It takes no room in the window, holds
// up no watermark and no rebalance, and the next owner fetches it again.
//
// The client is asked for more only when the buffer of a partition is empty. A partition
// whose buffer is as large as the window is paused. That costs the fetch in progress and
// limits memory: see [MostBuffered]. No goroutine sleeps between polls: a poll ends when a
// record is due, or when records arrive for a partition without any.

// MostBuffered is the most records that a member with buffers has under cfg: a window that it has
// accepted, and a window and a poll in the buffer of each partition.
func MostBuffered(cfg harness.Config) int {
	return cfg.Window + max(cfg.Partitions, 1)*(cfg.Window+cfg.MaxPoll)
}

// noWait is the context of a poll that returns at once.
var noWait context.Context

// pollBuffered is Poll for a member with buffers.
func (m *Member) pollBuffered(ctx context.Context, limit int, into []Task) ([]Task, error) {
	for {
		waiting, wake := context.WithCancel(m.polls)
		m.wakeUp.Store(&wake) // first: what becomes wanted during takeBuffered must end the wait
		into, empty, next := m.takeBuffered(limit, into)
		var err error
		switch {
		case ctx.Err() != nil:
		case len(into) == 0:
			err = m.waitForRecords(waiting, empty, next)
		case empty && m.options.Due != nil && m.client.BufferedFetchRecords() > 0:
			err = m.fetchIntoBuffers(noWait) // a partition with records must not keep those of others from arriving
		}
		wake()
		switch {
		case ctx.Err() != nil || len(into) > 0 && err == nil:
			return into, nil
		case m.polls.Err() != nil:
			return into, ErrRejoined
		case err != nil:
			return into, err
		}
	}
}

// waitForRecords waits until there may be something to take: records for an empty buffer,
// the time at which the next record is due, or the end of ctx.
func (m *Member) waitForRecords(ctx context.Context, empty bool, next time.Time) error {
	if !next.IsZero() {
		due, end := context.WithDeadline(ctx, next)
		defer end()
		ctx = due
	}
	if empty {
		return m.fetchIntoBuffers(ctx)
	}
	<-ctx.Done()
	return nil
}

// wakePoll ends the wait of a poll.
func (m *Member) wakePoll() {
	if wake := m.wakeUp.Load(); wake != nil {
		(*wake)()
	}
}

// takeBuffered accepts buffered records that are due, within the quotas. It reports
// whether the buffer of a partition is empty, and when the next record is due that
// waits for its time alone.
func (m *Member) takeBuffered(limit int, into []Task) (_ []Task, empty bool, next time.Time) {
	var resume []TopicPartition
	m.mu.Lock()
	quota := math.MaxInt
	if m.options.PartitionQuotas {
		quota = max(m.window.capacityBelowStep()/max(len(m.assignments), 1), 1)
	}
	empty = len(m.assignments) == 0
	for p, a := range m.assignments {
		before := len(into)
		var left int
		var at time.Time
		into, left, at = a.takeDue(m.options, quota, limit, into)
		limit -= len(into) - before
		empty, next = empty || left == 0, earlier(next, at)
		if a.paused && left <= m.cfg.Window/2 {
			a.paused = false
			resume = append(resume, p)
		}
	}
	m.mu.Unlock()
	if len(resume) > 0 {
		m.client.ResumeFetchPartitions(partitionsByTopic(resume))
	}
	return into, empty, next
}

// fetchIntoBuffers polls until records arrive or ctx ends.
func (m *Member) fetchIntoBuffers(ctx context.Context) error {
	fetches := m.client.PollRecords(ctx, m.cfg.MaxPoll)
	client.NotePolled(m.cfg, fetches)
	defer m.client.AllowRebalance()
	m.mu.Lock()
	defer m.mu.Unlock()
	var full []TopicPartition
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := TopicPartition{f.Topic, f.Partition}
		if a := m.assignments[p]; a != nil && a.appendBuffer(f.Records) >= m.cfg.Window && !a.paused {
			a.paused = true
			full = append(full, p)
		}
	})
	m.client.PauseFetchPartitions(partitionsByTopic(full))
	return m.checkFetches(fetches)
}

// partitionsByTopic are partitions as the client names them.
func partitionsByTopic(ps []TopicPartition) map[string][]int32 {
	by := map[string][]int32{}
	for _, p := range ps {
		by[p.Topic] = append(by[p.Topic], p.Partition)
	}
	return by
}

// appendBuffer adds records to the buffer and returns its length.
func (a *Assignment) appendBuffer(records []*kgo.Record) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.buffer = append(a.buffer, records...)
	return len(a.buffer)
}

// takeDue accepts the records of the buffer that are due and fit in the quota. left is
// how many stay; next is when the first of them is due, if it waits for that.
//
// It repeats while it takes records without a task, such as control records: no worker
// would finish one and wake the poll for the records behind them.
func (a *Assignment) takeDue(o Options, quota, limit int, into []Task) (_ []Task, left int, next time.Time) {
	before := len(into)
	for n := 1; n > 0 && len(into) == before; {
		into, n, left, next = a.takeDueOnce(o, quota, limit, into)
	}
	return into, left, next
}

func (a *Assignment) takeDueOnce(o Options, quota, limit int, into []Task) (_ []Task, n, left int, next time.Time) {
	a.mu.Lock()
	if o.PartitionQuotas {
		a.lowMark = quota / 2
	}
	if !a.closing && (!o.PartitionQuotas || a.marks.Outstanding() <= a.lowMark) {
		n, next = o.countDue(a.buffer[:min(quota-a.marks.Outstanding(), len(a.buffer), limit)])
	}
	taken := a.buffer[:n]
	a.buffer = a.buffer[n:]
	left = len(a.buffer)
	a.mu.Unlock()
	if n > 0 {
		into = a.Accept(taken, into)
		clear(taken)
	}
	return into, n, left, next
}
