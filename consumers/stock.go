package consumers

import (
	"context"
	"math"
	"time"

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

// pollStock is poll for a member that has stock.
func (m *member) pollStock(ctx context.Context, limit int, into []task) ([]task, error) {
	for {
		waiting, wake := context.WithCancel(m.polls)
		m.wake.Store(&wake) // before the deal: what is wanted from here on ends the wait
		into, dry, next := m.deal(limit, into)
		var err error
		switch {
		case ctx.Err() != nil:
		case len(into) == 0:
			err = m.waitFor(waiting, dry, next)
		case dry && m.how.due != nil && m.client.BufferedFetchRecords() > 0:
			err = m.restock(noWait) // lest what a partition has in stock keeps others from coming
		}
		wake()
		switch {
		case ctx.Err() != nil || len(into) > 0 && err == nil:
			return into, nil
		case m.polls.Err() != nil:
			return into, ErrUsurped
		case err != nil:
			return into, err
		}
	}
}

// waitFor waits for what may make something to deal: records, if a partition is dry,
// the time at which the next is due, or the end of ctx.
func (m *member) waitFor(ctx context.Context, dry bool, next time.Time) error {
	if !next.IsZero() {
		due, end := context.WithDeadline(ctx, next)
		defer end()
		ctx = due
	}
	if dry {
		return m.restock(ctx)
	}
	<-ctx.Done()
	return nil
}

// awake has the taking of shares look again.
func (m *member) awake() {
	if wake := m.wake.Load(); wake != nil {
		(*wake)()
	}
}

// deal makes tasks of what is in stock, as far as it is due and shares go. It reports
// whether a partition has nothing in stock, and when the next record is due that was
// not dealt for that reason alone.
func (m *member) deal(limit int, into []task) (_ []task, dry bool, next time.Time) {
	var again []partition
	m.mu.Lock()
	share := math.MaxInt
	if m.how.shares {
		share = max(m.window.most()/max(len(m.owned), 1), 1)
	}
	dry = len(m.owned) == 0
	for p, a := range m.owned {
		before := len(into)
		var left int
		var at time.Time
		into, left, at = a.deal(m.how, share, limit, into)
		limit -= len(into) - before
		dry, next = dry || left == 0, soonest(next, at)
		if a.paused && left <= m.cfg.Window/2 {
			a.paused = false
			again = append(again, p)
		}
	}
	m.mu.Unlock()
	if len(again) > 0 {
		m.client.ResumeFetchPartitions(named(again))
	}
	return into, dry, next
}

// restock polls until there is something, or ctx has ended.
func (m *member) restock(ctx context.Context) error {
	fetches := m.client.PollRecords(ctx, -1)
	defer m.client.AllowRebalance()
	m.mu.Lock()
	defer m.mu.Unlock()
	var full []partition
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := partition{f.Topic, f.Partition}
		if a := m.owned[p]; a != nil && a.lay(f.Records) >= m.cfg.Window && !a.paused {
			a.paused = true
			full = append(full, p)
		}
	})
	m.client.PauseFetchPartitions(named(full))
	return fatal(fetches)
}

// named are partitions as the client names them.
func named(ps []partition) map[string][]int32 {
	by := map[string][]int32{}
	for _, p := range ps {
		by[p.topic] = append(by[p.topic], p.id)
	}
	return by
}

// lay lays records in stock and returns how many lie there.
func (a *assignment) lay(records []*kgo.Record) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stock = append(a.stock, records...)
	return len(a.stock)
}

// deal takes from the stock what is due and a share has room for, and says how much is
// left and, if that is why, when the next is due. Of what is nobody's work, as the ends of
// transactions, no more is left than of anything else: nothing would wake up for it.
func (a *assignment) deal(how intake, share, limit int, into []task) (_ []task, left int, next time.Time) {
	before := len(into)
	for n := 1; n > 0 && len(into) == before; {
		into, n, left, next = a.dealOnce(how, share, limit, into)
	}
	return into, left, next
}

func (a *assignment) dealOnce(how intake, share, limit int, into []task) (_ []task, n, left int, next time.Time) {
	a.mu.Lock()
	if how.shares {
		a.enough = share / 2
	}
	if !a.closing && (!how.shares || a.marks.out() <= a.enough) {
		n, next = how.ripe(a.stock[:min(share-a.marks.out(), len(a.stock), limit)])
	}
	dealt := a.stock[:n]
	a.stock = a.stock[n:]
	left = len(a.stock)
	a.mu.Unlock()
	if n > 0 {
		into = a.take(dealt, into)
		clear(dealt)
	}
	return into, n, left, next
}
