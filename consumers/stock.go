package consumers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// This file is how a consumer by partition takes records: of each partition at most
// its share of the window. A client hands out all it has of one partition before it
// comes to the next, hundreds of records, so that with a backlog the window would be
// full of one or two partitions, and the workers of all others idle.
//
// What was fetched and is beyond a partition's share lies in stock with its
// assignment; it is not taken yet, as what lies in the client is not. The client is
// asked for more only when a partition is out of stock. One that others have to
// wait for all the time is paused when its stock is as large as the window: that
// costs the fetch that is under way, and bounds memory.

// pollShares is poll for a member that takes by shares.
func (m *member) pollShares(ctx context.Context, limit int, into []task) ([]task, error) {
	for {
		waiting, wake := context.WithCancel(m.polls)
		m.wake.Store(&wake) // before the deal: what is wanted from here on ends the wait
		into, dry := m.deal(limit, into)
		if ctx.Err() != nil || len(into) > 0 {
			wake()
			return into, nil
		}
		var err error
		if dry {
			err = m.restock(waiting)
		} else {
			<-waiting.Done()
		}
		wake()
		switch {
		case ctx.Err() != nil:
			return into, nil
		case m.polls.Err() != nil:
			return into, ErrUsurped
		case err != nil:
			return into, err
		}
	}
}

// awake has the taking of shares look again.
func (m *member) awake() {
	if wake := m.wake.Load(); wake != nil {
		(*wake)()
	}
}

// deal makes tasks of what is in stock, as far as shares go, and reports whether a
// partition has nothing in stock.
func (m *member) deal(limit int, into []task) (_ []task, dry bool) {
	var again []partition
	m.mu.Lock()
	share := max(m.window.most()/max(len(m.owned), 1), 1)
	dry = len(m.owned) == 0
	for p, a := range m.owned {
		before, left := len(into), 0
		into, left = a.deal(share, limit, into)
		limit -= len(into) - before
		dry = dry || left == 0
		if a.paused && left < m.cfg.Window/2 {
			a.paused = false
			again = append(again, p)
		}
	}
	m.mu.Unlock()
	if len(again) > 0 {
		m.client.ResumeFetchPartitions(named(again))
	}
	return into, dry
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

// deal takes from the stock what a share has room for, and says how much is left.
func (a *assignment) deal(share, limit int, into []task) (_ []task, left int) {
	a.mu.Lock()
	n := 0
	a.enough = share / 2
	if !a.closing && a.marks.out() <= a.enough {
		n = min(share-a.marks.out(), len(a.stock), limit)
	}
	dealt := a.stock[:n]
	a.stock = a.stock[n:]
	left = len(a.stock)
	a.mu.Unlock()
	if n > 0 {
		into = a.take(dealt, into)
		clear(dealt)
	}
	return into, left
}
