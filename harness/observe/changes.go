package observe

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// Expulsion is a member that was gone from the group at a time, or back under
// another member id. The engine knows whether that was meant.
type Expulsion struct {
	Owner    ledger.Owner
	Earliest int64 // Earliest and Seen bound the moment from which the group could assign its partitions to others, ns on CLOCK_MONOTONIC.
	Seen     int64
	Member   int64  // Member is the last time at which it was surely a member.
	Group    uint32 // Group is the key of a group of the consumer's own, 0 for the run's.
	MemberID string
}

// Departure is a member that left its group by a request of its own.
type Departure struct {
	Owner ledger.Owner
	At    int64  // At is when it sent the request, ns on CLOCK_MONOTONIC.
	Group uint32 // Group is as in [Expulsion].
	// MemberID is "" if the request named a static member by its instance alone.
	MemberID string
}

// Explains reports whether a departure is why a member is gone. A pod that left before, and came
// back, did so under another member id. A plan of the group that was made before the departure may
// name the member up to a session later.
func (d Departure) Explains(x Expulsion, session time.Duration) bool {
	return d.Owner == x.Owner && d.Group == x.Group && (d.MemberID == "" || d.MemberID == x.MemberID) &&
		x.Member-int64(session) <= d.At && d.At <= x.Seen
}

// bounds are the times between which a group changed.
type bounds struct {
	member   int64 // member is the last time at which a member that is gone was surely one.
	vacated  int64 // vacated is the earliest time at which its partitions could be assigned to others.
	assigned int64 // assigned is the earliest time at which a partition came to an owner or left it.
	seen     int64 // seen is when the change was seen.
}

// earliestDeparture is the earliest time at which a member that is gone by a time
// may have left. It was surely a member when each of these happened last:
//   - the coordinator wrote the group to __consumer_offsets, as a generation began;
//   - a poll was requested that was answered;
//   - the cluster reported an assignment of the group.
//
// A group is seen either by the first of them or by the other two.
func (w *Watcher) earliestDeparture(g *group, by int64) int64 {
	if g.lastWritten > 0 {
		return min(g.lastWritten, by)
	}
	return min(max(w.lastRequested, g.lastAssigned+1), by)
}

// earliestAssignment is the earliest time at which an assignment that a settled
// group shows may have been made. It was not made yet when the last poll that showed
// the group settled was requested, nor when the cluster last reported one, or
// the wire showed one.
func (g *group) earliestAssignment(by int64) int64 {
	return min(max(g.settledRequested, g.lastAssigned+1, g.lastAnswered+1), by)
}

// acceptPoll takes the answer to a poll. What changed between two polls happened
// after the request of the first and before the answer to the second.
func (w *Watcher) acceptPoll(groups []harness.Group, requested, seen int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.ContainsFunc(groups, func(g harness.Group) bool { return requested < w.groupNamed(g.Name).lastAnswered }) {
		return // the wire has shown what may be later
	}
	for _, g := range groups {
		was := w.groupNamed(g.Name)
		if was.settledRequested == 0 { // the last poll did not have it
			was.settledRequested = w.lastRequested
		}
		if w.isSettled(g) {
			w.acceptSettled(g, was, seen)
			was.settledRequested = requested
		} else {
			w.acceptDepartures(g, was, seen)
		}
	}
	w.lastRequested = requested
}

// isSettled reports whether a description says who owns what. A classic group shows
// no assignments, or old ones, while it rebalances.
func (w *Watcher) isSettled(g harness.Group) bool {
	if g.State != "PreparingRebalance" && g.State != "CompletingRebalance" {
		return true
	}
	return len(g.Members) == 0 || w.cfg.Protocol == harness.Server && g.Name == w.cfg.Client.Group
}

// acceptSettled takes a settled group from a poll. The caller holds mu.
func (w *Watcher) acceptSettled(g harness.Group, was *group, seen int64) {
	if was.lastAssigned > 0 && g.Generation < was.generation {
		return // the cluster has reported a later assignment since
	}
	left := w.earliestDeparture(was, seen)
	w.compareGroup(g, was, bounds{member: left, vacated: left, assigned: was.earliestAssignment(seen), seen: seen})
}

// acceptDepartures takes a group that is not settled from a poll: it says who is
// still a member, but not who will own what. The caller holds mu.
func (w *Watcher) acceptDepartures(g harness.Group, was *group, seen int64) {
	ids, clients := map[string]bool{}, map[string]bool{}
	for _, m := range g.Members {
		client := w.clientOf(m, was)
		ids[m.ID], clients[client], was.clients[m.ID] = true, true, client
	}
	left := w.earliestDeparture(was, seen)
	b := bounds{member: left, vacated: left, assigned: left, seen: seen}
	for client, id := range was.members {
		if ids[id] || g.Generation < was.generation || w.mayChangeID() && clients[client] {
			continue
		}
		delete(was.members, client)
		w.expel(client, id, was, b)
		for topic := range was.owned {
			for p, o := range was.owned[topic] {
				if o.client == client {
					w.writeTransfer(was.key, ledger.Position{Topic: uint16(topic), Partition: int32(p)}, o, ownership{}, false, b)
					was.owned[topic][p] = ownership{}
				}
			}
		}
	}
}

// acceptWritten takes a group as its coordinator wrote it between at and seen, as a
// generation begins.
func (w *Watcher) acceptWritten(g harness.Group, at, seen int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.groupNamed(g.Name)
	w.compareGroup(g, was, bounds{member: w.earliestDeparture(was, at), vacated: at, assigned: at, seen: seen})
	was.lastWritten = seen
}

// acceptAssignment takes an assignment that the cluster reported.
func (w *Watcher) acceptAssignment(a harness.GroupAssignment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.groupNamed(a.Group.Name)
	if a.Group.Generation > was.generation {
		left := w.earliestDeparture(was, a.At)
		w.compareGroup(a.Group, was, bounds{member: left, vacated: left, assigned: a.At, seen: a.Seen})
		was.lastAssigned = a.Seen
	}
}

// compareGroup compares a group with what it was, and writes what changed. The
// caller holds mu.
func (w *Watcher) compareGroup(g harness.Group, was *group, b bounds) {
	is := w.readSnapshot(g, was)
	changed := g.Generation != was.generation || w.cfg.Share && len(g.Members) != was.size
	for topic := range is.owned {
		for p := range is.owned[topic] {
			at := ledger.Position{Topic: uint16(topic), Partition: int32(p)}
			before, after := was.owned[topic][p], is.owned[topic][p]
			fresh := is.fresh[at] && g.Generation != was.generation
			if was.lastAnswered > 0 && before.member == after.member && before.client == after.client {
				continue // the wire shows each assignment: a further generation is none
			}
			if before != after || fresh {
				w.writeTransfer(was.key, at, before, after, fresh, b)
				changed = true
			}
		}
	}
	for client, id := range was.members {
		now, in := is.members[client]
		if !in || now != id && !w.mayChangeID() {
			w.expel(client, id, was, b)
		}
	}
	if was.key == 0 && changed {
		w.changes++
	}
	was.membership, was.generation, was.size = is.membership, g.Generation, len(g.Members)
}

// mayChangeID reports whether a client may have another member id without an expulsion. In a share group it may
// have several members. A static member that joins without its member id replaces itself (KIP-345): the group
// gives it another id, and no other member had its partitions in between.
func (w *Watcher) mayChangeID() bool { return w.cfg.Share || w.cfg.Protocol == harness.Static }

// expel notes that a member is gone.
func (w *Watcher) expel(client, id string, g *group, b bounds) {
	w.expelled = append(w.expelled, Expulsion{w.cfg.OwnerOf(client), b.vacated, b.seen, b.member, g.key, id})
}

// writeTransfer writes that a partition left its owner, or came to one, or both.
// fresh: it left its owner and came back to it.
func (w *Watcher) writeTransfer(key uint32, at ledger.Position, was, is ownership, fresh bool, b bounds) {
	write := func(k ledger.Kind, o ownership) {
		s := ledger.NewSlot(k, o.owner).With(ledger.OutcomeConfirmed)
		s.Topic, s.Partition = at.Topic, at.Partition
		s.SetOwnership(ledger.Membership{Group: key, Generation: o.generation, Member: o.member}, b.assigned, b.seen)
		w.writeSlots(s)
	}
	if was.owner != 0 && (is.owner != was.owner || is.member != was.member || fresh) {
		write(ledger.KindReleased, was)
	}
	if is.owner != 0 {
		write(ledger.KindOwned, is)
	}
}
