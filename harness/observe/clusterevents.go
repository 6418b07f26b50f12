package observe

import (
	"cmp"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// groupEvents are what a cluster that reports on its groups calls.
func (w *Watcher) groupEvents() harness.GroupEvents {
	return harness.GroupEvents{
		Commit: w.recordCommit, Assign: w.acceptAssignment, Rewind: w.recordRewind, Reset: w.recordReset, Fetch: w.recordFetch, Leave: w.recordLeave,
		Acquire: w.recordAcquisition, Acknowledge: w.recordAcknowledgement, Transaction: w.recordTransaction, Exchange: w.recordExchange,
	}
}

// recordCommit writes a commit and its metadata.
func (w *Watcher) recordCommit(c harness.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeCommit(c)
}

// writeCommit writes a commit and its metadata. The caller holds mu.
func (w *Watcher) writeCommit(c harness.Commit) {
	g := w.groupNamed(c.Group)
	at, ok := w.locate(c.Topic, c.Partition, cmp.Or(c.Asked, c.At))
	if !ok {
		return
	}
	member := c.MemberID
	if c.ClientID == "" && member == "" {
		c.ClientID, member = w.committer(c, g, at.Topic)
	}
	s := ledger.NewSlot(ledger.KindCommit, w.cfg.OwnerOf(c.ClientID)).With(ledger.OutcomeUnknown)
	if c.Refused {
		s = s.With(ledger.OutcomeFailed)
	}
	if c.Confirmed {
		s = s.With(ledger.OutcomeConfirmed)
		if g.key == 0 && at.Topic == 0 {
			w.committed[at.Partition] = c.Offset
		}
	}
	in := ledger.Membership{Group: g.key, Generation: max(c.Generation, 0)}
	if member != "" {
		in.Member = hash(member)
	}
	s.Topic, s.Partition = at.Topic, at.Partition
	s.SetCommit(in, c.Offset, c.At)
	if c.Transactional {
		s.Flags |= ledger.FlagTransactional
	}
	if c.Late {
		s.Flags |= ledger.FlagLate
	}
	w.writeSlots(s)
	if c.Metadata != member {
		w.writeSlots(ledger.Text(c.Metadata)...)
	}
}

// committerOf is the client id of the member that made a commit.
func (w *Watcher) committerOf(c harness.Commit) string {
	if c.ClientID != "" {
		return c.ClientID
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.locate(c.Topic, c.Partition, c.At)
	if !ok {
		return ""
	}
	client, _ := w.committer(c, w.groupNamed(c.Group), at.Topic)
	return client
}

// recordRewind writes that a member went back to the commit.
func (w *Watcher) recordRewind(r harness.Rewind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindRewound, w.cfg.OwnerOf(r.ClientID)).With(ledger.OutcomeConfirmed)
	at, ok := w.locate(r.Topic, r.Partition, r.At)
	if s.Owner() == 0 || !ok {
		return
	}
	s.Topic, s.Partition = at.Topic, at.Partition
	s.SetRewind(w.groupNamed(r.Group).key, -1, r.At)
	s.SetAnswer(r.Offset)
	w.writeSlots(s)
}

// recordLeave notes a member that left by itself.
func (w *Watcher) recordLeave(l harness.Leave) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = append(w.left, Departure{w.cfg.OwnerOf(l.ClientID), l.At, w.groupNamed(l.Group).key, l.MemberID})
}

// recordReset writes that a member begins at the start or the end of a log.
func (w *Watcher) recordReset(r harness.Reset) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindReset, w.cfg.OwnerOf(r.ClientID)).With(ledger.OutcomeConfirmed)
	at, ok := w.locate(r.Topic, r.Partition, r.At)
	if s.Owner() == 0 || !ok {
		return
	}
	s.Topic, s.Partition = at.Topic, at.Partition
	s.SetReset(0, r.Offset, r.Latest, r.At)
	if at.Topic == 0 {
		w.writeLeftFetch(at.Partition, s.Owner()) // what lies between the two is known exactly
	}
	w.writeSlots(s)
}

// recordAcquisition writes which records a member of a share group acquired.
func (w *Watcher) recordAcquisition(a harness.Acquisition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindAcquired, w.cfg.OwnerOf(a.ClientID)).With(ledger.OutcomeConfirmed)
	at, ok := w.locate(a.Topic, a.Partition, a.At)
	if !ok {
		return
	}
	s.Topic, s.Partition = at.Topic, at.Partition
	s.SetAcquisition(w.groupNamed(a.Group).key, a.From, a.To, a.Deliveries, a.At)
	w.writeSlots(s)
}

// recordAcknowledgement writes an acknowledgement of a member of a share group.
func (w *Watcher) recordAcknowledgement(a harness.Acknowledgement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindAcknowledged, w.cfg.OwnerOf(a.ClientID)).With(a.Outcome)
	at, ok := w.locate(a.Topic, a.Partition, a.At)
	if !ok {
		return
	}
	s.Topic, s.Partition = at.Topic, at.Partition
	s.SetAcknowledgement(a.Offset, a.Ack, a.At)
	w.writeSlots(s)
}

// recordTransaction writes the end of a transaction of one of the run's pods.
func (w *Watcher) recordTransaction(t harness.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeTransaction(t)
}

// writeTransaction writes the end of a transaction of one of the run's pods. The caller holds mu.
func (w *Watcher) writeTransaction(t harness.Transaction) {
	s := ledger.NewSlot(ledger.KindTransaction, w.cfg.OwnerOf(t.ClientID)).With(t.Outcome)
	if s.Owner() == 0 {
		return
	}
	s.SetTransaction(hash(t.ID), t.At)
	w.writeSlots(s)
}

// recordExchange writes when a request of one of the run's pods and its response passed.
func (w *Watcher) recordExchange(x harness.Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ledger.NewSlot(ledger.KindExchange, w.cfg.OwnerOf(x.ClientID))
	switch {
	case s.Owner() == 0:
		return
	case x.Returned != 0:
		s = s.With(ledger.OutcomeConfirmed)
	case x.Got == 0:
		s = s.With(ledger.OutcomeFailed)
	default:
		s = s.With(ledger.OutcomeUnknown)
	}
	w.noteSlowCommit(x)
	s.Partition = x.Node
	s.SetExchange(x.APIKey, x.ExchangeTimes)
	w.writeSlots(s)
}
