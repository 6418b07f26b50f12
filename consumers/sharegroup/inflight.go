package sharegroup

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/consumers/client"
	"github.com/stampede-bench/stampede/consumers/pool"
	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// renewals is how many times a lock is renewed while it lasts.
const renewals = 3

// inFlight is what a member of a share group has in hand, one batch after the other, under
// locks of the broker's. All answers and renewals are given by the one goroutine that
// polls: what is answered while the client sends a renewal of it may be told twice, and
// the broker refuses the second with all that comes along.
type inFlight struct {
	cfg  harness.Config
	work harness.Work

	lockedUntil atomic.Int64 // lockedUntil is when the first lock of the present batch ends, in ns
	renewedAt   time.Time    // renewedAt is when all of them began
	unsentAcks  bool         // unsentAcks: there are answers that may not have been sent

	mu   sync.Mutex
	open map[*acquired]bool // open are those of the present batch that have no answer
}

// acquired is a record in hand.
type acquired struct {
	record       *kgo.Record
	ctx          context.Context
	abandon      context.CancelFunc // abandon gives it up: it may be another's
	lastDelivery bool               // lastDelivery: it will be given up by the group rather than delivered again, and so never be another's
}

// outcome is what became of the work on a record.
type outcome struct {
	record    *acquired
	completed bool // completed: it had its effect
}

// releaseExpired releases what waited in the client until its lock was over, and returns the
// rest. The broker refuses all answers about a partition that come with one for who has
// the record no more: these go alone.
func (h *inFlight) releaseExpired(ctx context.Context, client *kgo.Client, records []*kgo.Record) (rest []*kgo.Record) {
	for {
		var expired []*kgo.Record
		now := time.Now()
		rest = nil
		for _, r := range records {
			if r.AcquisitionDeadline().After(now) || h.isLastDelivery(int(r.DeliveryCount())) { // the last delivery is worked on, if its lock is over or not: nobody else will
				rest = append(rest, r)
			} else {
				expired = append(expired, r)
			}
		}
		if len(expired) == 0 {
			return rest
		}
		_ = h.flushAcks(ctx, client, now.Add(h.cfg.ShareLock/renewals)) // where no broker answers they may go together all the same
		for _, r := range expired {
			r.Ack(kgo.AckRelease)
		}
		_ = h.flushAcks(ctx, client, time.Now().Add(h.cfg.ShareLock/renewals))
		records = rest // the locks of more may be over by now
	}
}

// flushAcks sends what there is to answer. The client alone would wait up to a second for more.
func (h *inFlight) flushAcks(ctx context.Context, client *kgo.Client, until time.Time) error {
	within, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return client.FlushAcks(within)
}

// acquireBatch makes a batch of records, the work on which may go on until ctx ends.
func (h *inFlight) acquireBatch(ctx context.Context, records []*kgo.Record) (batch []*acquired) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = make(map[*acquired]bool, len(records))
	until := time.Now().Add(h.cfg.ShareLock)
	for _, r := range records {
		last := h.isLastDelivery(int(r.DeliveryCount()))
		if ends := r.AcquisitionDeadline(); !last && ends.Before(until) {
			until = ends
		}
		one := &acquired{record: r, lastDelivery: last}
		one.ctx, one.abandon = context.WithCancel(ctx)
		h.open[one] = true
		batch = append(batch, one)
	}
	h.renewedAt = until.Add(-h.cfg.ShareLock)
	h.lockedUntil.Store(until.UnixNano())
	return batch
}

// isLastDelivery reports whether a record that was delivered so many times will not be again.
func (h *inFlight) isLastDelivery(deliveries int) bool {
	return h.cfg.DeliveryLimit > 0 && deliveries >= h.cfg.DeliveryLimit
}

// workOnBatch works on a batch until each of its records has an answer: accepted when its
// work has had its effect, or released once ctx has ended or the lock is lost. The client
// must not poll before: it would accept what has none. look is called each time it is
// looked after. It reports whether a record is left without an answer, as it was delivered
// for the last time.
func (h *inFlight) workOnBatch(ctx context.Context, client *kgo.Client, records []*kgo.Record, look func()) (spent bool) {
	batch := h.acquireBatch(ctx, h.releaseExpired(ctx, client, records))
	answers := make(chan outcome, len(batch))
	for _, one := range batch {
		go h.workOnRecord(one, answers)
	}
	clock := time.NewTicker(min(h.cfg.Commit, h.cfg.ShareLock/renewals))
	defer clock.Stop()
	for open := len(batch); open > 0; {
		select {
		case a := <-answers:
			open--
			spent = !h.acknowledge(a) || spent
		case <-clock.C:
			h.sendAcks(ctx, client)
			look()
		}
	}
	return spent
}

// workOnRecord takes a record through the work. It answers for it if the work panics too: others
// may outlive that for a moment, and accept what has no answer.
func (h *inFlight) workOnRecord(one *acquired, answers chan<- outcome) {
	done := false
	defer func() { answers <- outcome{one, done} }()
	var record harness.Record
	client.FillRecord(&record, one.record)
	record.Deliveries = int(one.record.DeliveryCount())
	done = pool.Retry(one.ctx, h, &record) == nil
}

// errLockExpired is of a record that may be another's.
var errLockExpired = errors.New("the lock of the record is over")

// Do is the work, under a lock that lasts by the clock: a pod that stood still must not
// begin what others may have by then.
func (h *inFlight) Do(ctx context.Context, r *harness.Record) error {
	if !h.isLastDelivery(r.Deliveries) && time.Now().UnixNano() >= h.lockedUntil.Load() {
		return errLockExpired
	}
	return h.work.Do(ctx, r)
}

// acknowledge answers for a record, if it is to have an answer: released, one that was
// delivered for the last time would be given up.
func (h *inFlight) acknowledge(a outcome) bool {
	a.record.abandon()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, a.record)
	h.unsentAcks = true
	switch {
	case a.completed:
		a.record.record.Ack(kgo.AckAccept)
	case a.record.lastDelivery:
		return false
	default:
		a.record.record.Ack(kgo.AckRelease)
	}
	return true
}

// sendAcks sends the answers that there are, lest a crash repeats more than it must, and renews
// the locks of the rest when it is time. What it could not renew in time is given up.
func (h *inFlight) sendAcks(ctx context.Context, client *kgo.Client) {
	now := time.Now()
	renew := now.Sub(h.renewedAt) >= h.cfg.ShareLock/renewals
	h.renewLocks(now, renew)
	if !renew && !h.unsentAcks {
		return
	}
	deadline := now.Add(h.cfg.ShareLock / renewals)
	if until := time.Unix(0, h.lockedUntil.Load()); until.After(now) && until.Before(deadline) {
		deadline = until // what is in hand is given up then
	}
	if h.flushAcks(ctx, client, deadline) != nil {
		h.renewLocks(time.Now(), false)
		return
	}
	h.unsentAcks = false
	if renew {
		h.renewedAt = now
		h.lockedUntil.Store(now.Add(h.cfg.ShareLock).UnixNano())
	}
}

// renewLocks asks for more time for all that has no answer, or gives up what may be
// another's, since time is over.
func (h *inFlight) renewLocks(now time.Time, ask bool) {
	over := now.UnixNano() >= h.lockedUntil.Load()
	h.mu.Lock()
	defer h.mu.Unlock()
	for one := range h.open {
		switch {
		case over && !one.lastDelivery:
			one.abandon()
		case ask && one.ctx.Err() == nil:
			one.record.Ack(kgo.AckRenew)
		}
	}
}

// onAcksSent takes what became of answers and renewals. Where one was refused or lost, the
// connection may have ended, and the records of its partition with it: what has no answer
// is given up, or two would try it from then on.
func (h *inFlight) onAcksSent(_ *kgo.Client, results kgo.ShareAckResults) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		for one := range h.open {
			if one.record.Topic == r.Topic && one.record.Partition == r.Partition && !one.lastDelivery {
				one.abandon()
			}
		}
	}
}
