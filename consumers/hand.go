package consumers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// renewals is how many times a lock is renewed while it lasts.
const renewals = 3

// hand is what a member of a share group has in hand, one batch after the other, under
// locks of the broker's. All answers and renewals are given by the one goroutine that
// polls: what is answered while the client sends a renewal of it may be told twice, and
// the broker refuses the second with all that comes along.
type hand struct {
	cfg  harness.Config
	work harness.Work

	until   atomic.Int64 // until is when the first lock of the present batch ends, in ns
	renewed time.Time    // renewed is when all of them began
	untold  bool         // untold: there are answers that may not have been sent

	mu   sync.Mutex
	held map[*held]bool // held are those of the present batch that have no answer
}

// held is a record in hand.
type held struct {
	record *kgo.Record
	ctx    context.Context
	give   context.CancelFunc // give gives it up: it may be another's
	last   bool               // last: it will be given up by the group rather than delivered again, and so never be another's
}

// answer is what became of the work on a record.
type answer struct {
	of   *held
	done bool // done: it had its effect
}

// giveBack releases what waited in the client until its lock was over, and returns the
// rest. The broker refuses all answers about a partition that come with one for who has
// the record no more: these go alone.
func (h *hand) giveBack(ctx context.Context, client *kgo.Client, records []*kgo.Record) (rest []*kgo.Record) {
	for {
		var expired []*kgo.Record
		now := time.Now()
		rest = nil
		for _, r := range records {
			if r.AcquisitionDeadline().After(now) || h.last(int(r.DeliveryCount())) { // the last delivery is worked on, if its lock is over or not: nobody else will
				rest = append(rest, r)
			} else {
				expired = append(expired, r)
			}
		}
		if len(expired) == 0 {
			return rest
		}
		_ = h.flush(ctx, client, now.Add(h.cfg.ShareLock/renewals)) // where no broker answers they may go together all the same
		for _, r := range expired {
			r.Ack(kgo.AckRelease)
		}
		_ = h.flush(ctx, client, time.Now().Add(h.cfg.ShareLock/renewals))
		records = rest // the locks of more may be over by now
	}
}

// flush sends what there is to answer. The client alone would wait up to a second for more.
func (h *hand) flush(ctx context.Context, client *kgo.Client, until time.Time) error {
	within, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return client.FlushAcks(within)
}

// take makes a batch of records, the work on which may go on until ctx ends.
func (h *hand) take(ctx context.Context, records []*kgo.Record) (batch []*held) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = make(map[*held]bool, len(records))
	until := time.Now().Add(h.cfg.ShareLock)
	for _, r := range records {
		last := h.last(int(r.DeliveryCount()))
		if ends := r.AcquisitionDeadline(); !last && ends.Before(until) {
			until = ends
		}
		one := &held{record: r, last: last}
		one.ctx, one.give = context.WithCancel(ctx)
		h.held[one] = true
		batch = append(batch, one)
	}
	h.renewed = until.Add(-h.cfg.ShareLock)
	h.until.Store(until.UnixNano())
	return batch
}

// last reports whether a record that was delivered so many times will not be again.
func (h *hand) last(deliveries int) bool {
	return h.cfg.DeliveryLimit > 0 && deliveries >= h.cfg.DeliveryLimit
}

// workOn works on a batch until each of its records has an answer: accepted when its
// work has had its effect, or released once ctx has ended or the lock is lost. The client
// must not poll before: it would accept what has none. look is called each time it is
// looked after. It reports whether a record is left without an answer, as it was delivered
// for the last time.
func (h *hand) workOn(ctx context.Context, client *kgo.Client, records []*kgo.Record, look func()) (spent bool) {
	batch := h.take(ctx, h.giveBack(ctx, client, records))
	answers := make(chan answer, len(batch))
	for _, one := range batch {
		go h.try(one, answers)
	}
	clock := time.NewTicker(min(h.cfg.Commit, h.cfg.ShareLock/renewals))
	defer clock.Stop()
	for open := len(batch); open > 0; {
		select {
		case a := <-answers:
			open--
			spent = !h.answer(a) || spent
		case <-clock.C:
			h.tend(ctx, client)
			look()
		}
	}
	return spent
}

// try takes a record through the work. It answers for it if the work panics too: others
// may outlive that for a moment, and accept what has no answer.
func (h *hand) try(one *held, answers chan<- answer) {
	done := false
	defer func() { answers <- answer{one, done} }()
	var record harness.Record
	fill(&record, one.record)
	record.Deliveries = int(one.record.DeliveryCount())
	done = retry(one.ctx, h, &record) == nil
}

// errExpired is of a record that may be another's.
var errExpired = errors.New("the lock of the record is over")

// Do is the work, under a lock that lasts by the clock: a pod that stood still must not
// begin what others may have by then.
func (h *hand) Do(ctx context.Context, r *harness.Record) error {
	if !h.last(r.Deliveries) && time.Now().UnixNano() >= h.until.Load() {
		return errExpired
	}
	return h.work.Do(ctx, r)
}

// answer answers for a record, if it is to have an answer: released, one that was
// delivered for the last time would be given up.
func (h *hand) answer(a answer) bool {
	a.of.give()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, a.of)
	h.untold = true
	switch {
	case a.done:
		a.of.record.Ack(kgo.AckAccept)
	case a.of.last:
		return false
	default:
		a.of.record.Ack(kgo.AckRelease)
	}
	return true
}

// tend sends the answers that there are, lest a crash repeats more than it must, and renews
// the locks of the rest when it is time. What it could not renew in time is given up.
func (h *hand) tend(ctx context.Context, client *kgo.Client) {
	now := time.Now()
	renew := now.Sub(h.renewed) >= h.cfg.ShareLock/renewals
	h.renew(now, renew)
	if !renew && !h.untold {
		return
	}
	deadline := now.Add(h.cfg.ShareLock / renewals)
	if until := time.Unix(0, h.until.Load()); until.After(now) && until.Before(deadline) {
		deadline = until // what is in hand is given up then
	}
	if h.flush(ctx, client, deadline) != nil {
		h.renew(time.Now(), false)
		return
	}
	h.untold = false
	if renew {
		h.renewed = now
		h.until.Store(now.Add(h.cfg.ShareLock).UnixNano())
	}
}

// renew asks for more time for all that has no answer, or gives up what may be
// another's, since time is over.
func (h *hand) renew(now time.Time, ask bool) {
	over := now.UnixNano() >= h.until.Load()
	h.mu.Lock()
	defer h.mu.Unlock()
	for one := range h.held {
		switch {
		case over && !one.last:
			one.give()
		case ask && one.ctx.Err() == nil:
			one.record.Ack(kgo.AckRenew)
		}
	}
}

// answered takes what became of answers and renewals. Where one was refused or lost, the
// connection may have ended, and the records of its partition with it: what has no answer
// is given up, or two would try it from then on.
func (h *hand) answered(_ *kgo.Client, results kgo.ShareAckResults) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		for one := range h.held {
			if one.record.Topic == r.Topic && one.record.Partition == r.Partition && !one.last {
				one.give()
			}
		}
	}
}
