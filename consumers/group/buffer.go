package group

import (
	"context"
	"math"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/twmb/franz-go/pkg/kgo"
)

// This file is how a consumer takes records that lie in stock before: one by partition,
// and one whose records wait until they are due (due.go).
//
// By partition it takes of each at most its share of the window. A client hands out all it has of one partition before it
// comes to the next, hundreds of records, so that with a backlog the window would be
// full of one or two partitions, and the workers of all others idle.
//
// What was fetched and is beyond a partition's share lies in stock with its
// assignment; it is not taken yet, as what lies in the client is not. The client is
// asked for more only when a partition is out of stock. One that others have to
// wait for all the time is paused when its stock is as large as the window: that
// costs the fetch that is under way, and bounds memory.

// noWait is the context of a poll that waits for nothing.
var noWait context.Context

// pollBuffered is poll for a member that has stock.
func (m *Member) pollBuffered(ctx context.Context, limit int, into []Task) ([]Task, error) {
	for {
		waiting, wake := context.WithCancel(m.polls)
		m.wakeUp.Store(&wake) // before the deal: what is wanted from here on ends the wait
		into, dry, next := m.takeBuffered(limit, into)
		var err error
		switch {
		case ctx.Err() != nil:
		case len(into) == 0:
			err = m.waitForRecords(waiting, dry, next)
		case dry && m.options.Due != nil && m.client.BufferedFetchRecords() > 0:
			err = m.fetchIntoBuffers(noWait) // lest what a partition has in stock keeps others from coming
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

// waitForRecords waits for what may make something to deal: records, if a partition is dry,
// the time at which the next is due, or the end of ctx.
func (m *Member) waitForRecords(ctx context.Context, dry bool, next time.Time) error {
	if !next.IsZero() {
		due, end := context.WithDeadline(ctx, next)
		defer end()
		ctx = due
	}
	if dry {
		return m.fetchIntoBuffers(ctx)
	}
	<-ctx.Done()
	return nil
}

// wakePoll has the taking of shares look again.
func (m *Member) wakePoll() {
	if wake := m.wakeUp.Load(); wake != nil {
		(*wake)()
	}
}

// takeBuffered makes tasks of what is in stock, as far as it is due and shares go. It reports
// whether a partition has nothing in stock, and when the next record is due that was
// not dealt for that reason alone.
func (m *Member) takeBuffered(limit int, into []Task) (_ []Task, dry bool, next time.Time) {
	var again []TopicPartition
	m.mu.Lock()
	share := math.MaxInt
	if m.options.PartitionQuotas {
		share = max(m.window.capacityBelowStep()/max(len(m.assignments), 1), 1)
	}
	dry = len(m.assignments) == 0
	for p, a := range m.assignments {
		before := len(into)
		var left int
		var at time.Time
		into, left, at = a.takeDue(m.options, share, limit, into)
		limit -= len(into) - before
		dry, next = dry || left == 0, earlier(next, at)
		if a.paused && left <= m.cfg.Window/2 {
			a.paused = false
			again = append(again, p)
		}
	}
	m.mu.Unlock()
	if len(again) > 0 {
		m.client.ResumeFetchPartitions(partitionsByTopic(again))
	}
	return into, dry, next
}

// fetchIntoBuffers polls until there is something, or ctx has ended.
func (m *Member) fetchIntoBuffers(ctx context.Context) error {
	fetches := m.client.PollRecords(ctx, -1)
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
	return client.FatalError(fetches)
}

// partitionsByTopic are partitions as the client names them.
func partitionsByTopic(ps []TopicPartition) map[string][]int32 {
	by := map[string][]int32{}
	for _, p := range ps {
		by[p.Topic] = append(by[p.Topic], p.Partition)
	}
	return by
}

// appendBuffer lays records in stock and returns how many lie there.
func (a *Assignment) appendBuffer(records []*kgo.Record) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.buffer = append(a.buffer, records...)
	return len(a.buffer)
}

// takeDue takes from the stock what is due and a share has room for, and says how much is
// left and, if that is why, when the next is due. Of what is nobody's work, as the ends of
// transactions, no more is left than of anything else: nothing would wake up for it.
func (a *Assignment) takeDue(how Options, share, limit int, into []Task) (_ []Task, left int, next time.Time) {
	before := len(into)
	for n := 1; n > 0 && len(into) == before; {
		into, n, left, next = a.takeDueOnce(how, share, limit, into)
	}
	return into, left, next
}

func (a *Assignment) takeDueOnce(how Options, share, limit int, into []Task) (_ []Task, n, left int, next time.Time) {
	a.mu.Lock()
	if how.PartitionQuotas {
		a.lowMark = share / 2
	}
	if !a.closing && (!how.PartitionQuotas || a.marks.Outstanding() <= a.lowMark) {
		n, next = how.countDue(a.buffer[:min(share-a.marks.Outstanding(), len(a.buffer), limit)])
	}
	dealt := a.buffer[:n]
	a.buffer = a.buffer[n:]
	left = len(a.buffer)
	a.mu.Unlock()
	if n > 0 {
		into = a.Accept(dealt, into)
		clear(dealt)
	}
	return into, n, left, next
}
