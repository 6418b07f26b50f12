package observe

import (
	"math"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// sights are what a cluster with eyes of its own tells.
func (w *Watcher) sights() harness.Sights {
	return harness.Sights{Commit: w.commit, Assign: w.assign, Rewind: w.rewind, Acquire: w.acquire, Acknowledge: w.acknowledge, Transaction: w.transaction}
}

// commit writes down a commit, and the metadata behind it.
func (w *Watcher) commit(c harness.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.group(c.Group)
	var at ledger.Slot
	if !w.place(&at, c.Topic, c.Partition) {
		return
	}
	member := c.MemberID
	if c.ClientID == "" && member == "" {
		c.ClientID, member = g.culprit(c, at.Topic)
	}
	s := ledger.NewSlot(ledger.KindCommit, w.cfg.OwnerOf(c.ClientID)).With(ledger.OutcomeUnknown)
	if c.Confirmed {
		s = s.With(ledger.OutcomeConfirmed)
		if g.key == 0 && at.Topic == 0 {
			w.committed[c.Partition] = c.Offset
		}
	}
	s.Topic, s.Partition, s.Offset, s.Start, s.End = at.Topic, at.Partition, c.Offset, c.At, c.At
	s.Key, s.Seq = g.key, uint32(max(c.Generation, 0))
	if member != "" {
		s.Due = int64(hash(member))
	}
	if c.Transactional {
		s.Flags |= ledger.FlagTransactional
	}
	w.write(s)
	if c.Metadata != member {
		w.write(ledger.Text(c.Metadata)...)
	}
}

// culprit is who made a commit of which the broker does not say it: the member
// whose id is the metadata, as franz-go has it, or its first word, or else the owner.
func (g *group) culprit(c harness.Commit, topic uint16) (client, member string) {
	member, _, _ = strings.Cut(c.Metadata, " ")
	if client, known := g.clients[member]; known {
		return client, member
	}
	return g.owned[topic][c.Partition].client, ""
}

// culprit is the client id of who made a commit of which the broker does not say it.
func (w *Watcher) culprit(c harness.Commit) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var at ledger.Slot
	if !w.place(&at, c.Topic, c.Partition) {
		return ""
	}
	client, _ := w.group(c.Group).culprit(c, at.Topic)
	return client
}

// rewind writes down that a member went back to the commit.
func (w *Watcher) rewind(r harness.Rewind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindRewound, w.cfg.OwnerOf(r.ClientID)).With(ledger.OutcomeConfirmed)
	if s.Owner() == 0 || !w.place(&s, r.Topic, r.Partition) {
		return
	}
	s.Key, s.Offset, s.Start, s.End = w.group(r.Group).key, -1, r.At, r.At
	w.write(s)
}

// acquire writes down what a member of a share group was given.
func (w *Watcher) acquire(a harness.Acquisition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindAcquired, w.cfg.OwnerOf(a.ClientID)).With(ledger.OutcomeConfirmed)
	if !w.place(&s, a.Topic, a.Partition) {
		return
	}
	s.Key, s.Offset, s.Sent, s.Start, s.End = w.group(a.Group).key, a.From, a.To, a.At, a.At
	s.Count = uint8(min(a.Deliveries, math.MaxUint8))
	w.write(s)
}

// acknowledge writes down an answer to a share group.
func (w *Watcher) acknowledge(a harness.Acknowledgement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindAcknowledged, w.cfg.OwnerOf(a.ClientID)).With(a.Outcome)
	if !w.place(&s, a.Topic, a.Partition) {
		return
	}
	s.Offset, s.Count, s.Start, s.End = a.Offset, a.Ack, a.At, a.At
	w.write(s)
}

// transaction writes down the end of a transaction of one of ours.
func (w *Watcher) transaction(t harness.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindTransaction, w.cfg.OwnerOf(t.ClientID)).With(t.Outcome)
	if s.Owner() == 0 {
		return
	}
	s.Due, s.Start, s.End = int64(hash(t.ID)), t.At, t.At
	w.write(s)
}
