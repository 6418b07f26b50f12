package consumers

import (
	"context"
	"sync"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/twmb/franz-go/pkg/kgo"
)

// transactor is one session: a member of the group that takes one batch at a time.
// Kgo aborts the transaction that a rebalance meets; what is added here is that the
// work on its batch has ended before its partitions are another's.
type transactor struct {
	cfg     harness.Config
	work    harness.Work
	session *kgo.GroupTransactSession
	fence   Fence

	working context.Context    // working is the parent of all work: it outlives the consumer's context by the drain
	polls   context.Context    // polls ends with the consumer's context, and with the membership
	stop    context.CancelFunc // stop ends polls

	mu        sync.Mutex
	batch     *batch
	owned     map[partition]string // owned has the member ids under which the group gave the partitions we have
	disturbed bool                 // disturbed: partitions were taken away since the last transaction ended
	replaced  bool                 // replaced: a new member is to take this one's place, see [member]
}

// batch is what one transaction is to be about.
type batch struct {
	cancel context.CancelFunc
	quiet  chan struct{} // quiet is closed when no work on it is under way
}

func (t *transactor) assigned(c *kgo.Client, given map[string][]int32) {
	id, _ := c.GroupMetadata()
	t.mu.Lock()
	defer t.mu.Unlock()
	for topic, ids := range given {
		for _, p := range ids {
			t.owned[partition{topic, p}] = id
		}
	}
}

// taken ends the work on the batch in hand: kgo will abort its transaction. Eager
// members are told so in each rebalance, others when they lose something.
//
// Kgo aborts the next transaction of an eager member that had nothing to lose too, and
// does not call again before that: the next batch is refused, lest work is done on it
// while it becomes another's.
func (t *transactor) taken(away map[string][]int32) {
	if len(away) == 0 {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.disturbed = t.disturbed || t.cfg.Protocol == harness.Eager
		return
	}
	t.abandon()
	t.mu.Lock()
	defer t.mu.Unlock()
	for topic, ids := range away {
		for _, p := range ids {
			delete(t.owned, partition{topic, p})
		}
	}
}

// abandon has the work on the batch in hand end, and lets none begin.
func (t *transactor) abandon() {
	t.mu.Lock()
	t.disturbed = true
	b := t.batch
	t.mu.Unlock()
	if b == nil {
		return
	}
	b.cancel()
	select {
	case <-b.quiet:
	case <-time.After(cancelGrace):
	}
}

// usurped reports whether the client goes on with what it had under another member id,
// see [member.usurped].
func (t *transactor) usurped() bool {
	id, _ := t.session.Client().GroupMetadata()
	return t.usurpedBy(id)
}

func (t *transactor) usurpedBy(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, under := range t.owned {
		if under != id {
			return true
		}
	}
	return false
}

// watch ends the session once its partitions may be another's without the client's
// knowing: where the pod stood still, or was made another member in silence.
func (t *transactor) watch() {
	look := time.NewTicker(t.cfg.Heartbeat / LooksPerHeartbeat)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			expelled := !t.fence.Look(t.polls, t.session.Client(), t.cfg, t.usurped)
			usurped := t.usurped()
			if !expelled && !usurped {
				continue
			}
			t.mu.Lock()
			t.replaced = usurped
			t.mu.Unlock()
			t.abandon()
			t.stop()
			t.fence.Open()
			return
		case <-t.polls.Done():
			return
		}
	}
}

// leave leaves the group.
func (t *transactor) leave(requests context.Context, hangUp func()) {
	ctx, cancel := context.WithTimeout(requests, t.cfg.Session/2)
	defer cancel()
	client := t.session.Client()
	id, _ := client.GroupMetadata()
	if t.replaced {
		hangUp() // its client is in the middle of a join
	}
	Leave(ctx, client, hangUp)
	if t.replaced {
		dismissing, cancel := context.WithTimeout(context.WithoutCancel(requests), t.cfg.Session/2)
		defer cancel()
		Dismiss(dismissing, t.cfg, id)
	}
}
