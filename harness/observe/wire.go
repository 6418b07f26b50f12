package observe

import (
	"context"
	"slices"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// wireView is what a cluster showed on the wire, to complete what __consumer_offsets says. The
// topic says which commits hold, and the wire says who asked for them. The Watcher's mu guards
// it.
type wireView struct {
	asked    map[commitTarget]int64                   // asked is when the latest commit with a record was asked for, by the requests.
	requests map[commitTarget][]harness.CommitRequest // requests are those without a record yet, but for the refused, in their order.
	ends     map[int64]harness.Transaction            // ends are the latest ends that clients asked for, by producer id.
	marked   map[int64]int64                          // marked is when a marker was written as an end, by producer id.
}

// commitTarget is the group and the partition that a commit is for.
type commitTarget struct {
	group, topic string
	partition    int32
}

func targetOf(c harness.Commit) commitTarget { return commitTarget{c.Group, c.Topic, c.Partition} }

// watchWire adds what the cluster sees on the wire to what the watcher reads. The returned
// function must be called once the watcher reads; it has Stop end both.
func (w *Watcher) watchWire(wire harness.WireObserver) (joinStop func()) {
	w.wire = &wireView{
		asked:    map[commitTarget]int64{},
		requests: map[commitTarget][]harness.CommitRequest{}, ends: map[int64]harness.Transaction{}, marked: map[int64]int64{},
	}
	stopWire := wire.ObserveWire(w.cfg.Client.Group, harness.GroupEvents{
		Rewind: w.recordRewind, Reset: w.recordReset, Fetch: w.recordFetch, Leave: w.recordLeave, Acquire: w.recordAcquisition, Acknowledge: w.recordAcknowledgement,
		CommitRequest: w.acceptCommitRequest, Join: w.acceptJoin, AssignMember: w.acceptMember, Transaction: w.acceptEnd, Exchange: w.recordExchange,
	})
	return func() {
		stop := w.stop
		if stop == nil { // the watcher could not be started
			stopWire()
			return
		}
		w.stop = func(ctx context.Context) error {
			defer w.writeOpenEnds()
			defer stopWire()
			return stop(ctx)
		}
	}
}

// acceptCommitRequest takes a commit that a client asks for, and later its answer. What holds
// is written once the topic has it, and what was refused at once.
func (w *Watcher) acceptCommitRequest(r harness.CommitRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := targetOf(r.Commit)
	list := w.wire.requests[at]
	i := slices.IndexFunc(list, func(o harness.CommitRequest) bool { return o.ID == r.ID })
	switch {
	case !r.Ended:
		w.wire.requests[at] = append(list, r)
	case i < 0: // the topic had it before the client knew
	case r.Refused:
		w.wire.requests[at] = slices.Delete(list, i, i+1)
		w.writeCommit(r.Commit)
	default:
		list[i] = r
	}
}

// attribute adds to a commit from the topic who asked for it. Its time lies between the
// question and the answer.
func (w *Watcher) attribute(c harness.Commit) harness.Commit {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wire == nil {
		return c
	}
	r, ok := w.wire.claim(c)
	if !ok {
		return c
	}
	c.ClientID, c.MemberID, c.Generation = r.ClientID, r.MemberID, r.Generation
	if r.AnsweredAt > 0 {
		c.At = min(c.At, r.AnsweredAt)
	}
	c.At = max(c.At, r.At)
	at := targetOf(c)
	c.Late = r.Ended && r.AnsweredAt == 0 && r.At < w.wire.asked[at]
	w.wire.asked[at] = max(w.wire.asked[at], r.At)
	return c
}

// claim removes and returns the request that a commit in the topic is due to: the first one
// around that time, or, where the clocks of the brokers differ from ours, the first one at all.
func (v *wireView) claim(c harness.Commit) (r harness.CommitRequest, ok bool) {
	at := targetOf(c)
	list := v.requests[at]
	same := func(r harness.CommitRequest) bool {
		return r.Offset == c.Offset && r.Metadata == c.Metadata && r.Transactional == c.Transactional
	}
	i := slices.IndexFunc(list, func(r harness.CommitRequest) bool {
		return same(r) && r.At <= c.At && (r.AnsweredAt == 0 || c.At-stampSlack <= r.AnsweredAt)
	})
	if i < 0 {
		i = slices.IndexFunc(list, same)
	}
	if i < 0 {
		return r, false
	}
	r = list[i]
	if v.requests[at] = slices.Delete(list, i, i+1); len(v.requests[at]) == 0 {
		delete(v.requests, at)
	}
	return r, true
}

// acceptEnd takes the end of a transaction that a client asked for. If it got no answer, the
// marker in the topic, or a further request, says how the transaction ended.
func (w *Watcher) acceptEnd(t harness.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if marked, ok := w.wire.marked[t.ProducerID]; ok && marked >= t.At {
		return
	}
	w.wire.ends[t.ProducerID] = t
	if t.Outcome != ledger.OutcomeUnknown {
		w.writeTransaction(t)
	}
}

// acceptMarker takes a marker in the topic that ended a transaction with commits. asked is when
// the client asked for the first of them.
func (w *Watcher) acceptMarker(t harness.Transaction, asked int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wire != nil {
		end, seen := w.wire.ends[t.ProducerID]
		switch {
		case !seen || end.At < asked: // the coordinator ended it, or the answer is still on its way
			w.wire.marked[t.ProducerID] = t.At
		case end.Outcome != ledger.OutcomeUnknown:
			return
		default:
			end.Outcome = t.Outcome
			t, w.wire.ends[t.ProducerID] = end, end
		}
	}
	w.writeTransaction(t)
}

// writeOpenEnds writes the ends of transactions of which nothing says how they ended.
func (w *Watcher) writeOpenEnds() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.wire.ends {
		if t.Outcome == ledger.OutcomeUnknown {
			w.writeTransaction(t)
		}
	}
	clear(w.wire.ends)
}

// acceptJoin notes which client a member is of. A client may give itself any id, or none, so
// descriptions of the group do not say it.
func (w *Watcher) acceptJoin(j harness.GroupJoin) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groupNamed(j.Group).clients[j.MemberID] = j.ClientID
}

// acceptMember takes what a coordinator assigned to one member of a KIP-848 group.
func (w *Watcher) acceptMember(a harness.MemberAssignment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groupNamed(a.Group)
	client := a.Member.ClientID
	b := bounds{member: a.At, vacated: a.At, assigned: a.At, seen: a.Seen}
	before, known := g.members[client]
	if known && (a.Left && before == a.Member.ID || !a.Left && before != a.Member.ID) {
		w.expel(client, before, g, b)
	}
	if g.lastAnswered = max(g.lastAnswered, a.Seen); a.Left {
		delete(g.members, client)
	} else {
		g.members[client], g.clients[a.Member.ID] = a.Member.ID, client
	}
	is := ownership{w.cfg.OwnerOf(client), client, hash(a.Member.ID), max(g.generation, a.Generation)}
	if is.owner == 0 {
		return
	}
	has := map[ledger.Position]bool{}
	w.eachPartition(a.Member.Partitions, func(at ledger.Position) { has[at] = true })
	changed := false
	for topic := range g.owned {
		for p := range g.owned[topic] {
			at, was := ledger.Position{Topic: uint16(topic), Partition: int32(p)}, &g.owned[topic][p]
			mine := was.client == client && (was.member == is.member || !a.Left)
			switch {
			case has[at] && !(mine && was.member == is.member):
				w.writeTransfer(g.key, at, *was, is, false, b)
				*was = is
			case mine && !has[at]:
				w.writeTransfer(g.key, at, *was, ownership{}, false, b)
				*was = ownership{}
			default:
				continue
			}
			changed = true
		}
	}
	if g.key == 0 && changed {
		w.changes++
	}
}
