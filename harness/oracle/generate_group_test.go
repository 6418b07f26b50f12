package oracle

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// disrupt makes the group go through a rebalance, a crash, a seek, a pause, a deletion of records or
// the loss of its commits.
func (w *simulation) disrupt() {
	w.disruptions--
	if w.truncates && w.r.IntN(2) == 0 {
		w.truncate(pick(w.r, w.parts...))
		return
	}
	switch w.r.IntN(8) {
	case 0, 1:
		w.wake()
		if w.r.IntN(2) == 0 && len(w.pods) < 20 {
			w.join()
		}
		w.rebalance(false)
	case 2, 3:
		w.crash()
	case 4:
		w.seek(pick(w.r, w.parts...))
	case 5:
		w.pause()
	case 6:
		w.trim(pick(w.r, w.parts...))
	case 7:
		w.expire()
	}
}

// join starts an incarnation. It gets its partitions at the next rebalance.
func (w *simulation) join() *member {
	m := &member{owner: ledger.Owner(len(w.pods) + 1), id: w.r.Uint64N(1 << 20), alive: true}
	w.pods = append(w.pods, m)
	w.event(ledger.Event{Kind: ledger.EventUp, At: w.now, Owner: m.owner})
	return m
}

func (w *simulation) alive() (list []*member) {
	for _, m := range w.pods {
		if m.alive {
			list = append(list, m)
		}
	}
	return list
}

// rebalance begins a generation. With the eager protocol all members give up all partitions and
// read on from the commit. With the others only the partitions that move do.
func (w *simulation) rebalance(first bool) {
	w.quiet()
	w.gen++
	members := w.alive()
	for _, p := range w.parts {
		if !first && p.owner == nil {
			continue // the session of its dead owner lasts
		}
		to := pick(w.r, members...)
		if p.owner != nil && (w.facts.Protocol != harness.Eager && w.r.IntN(2) == 0) {
			to = p.owner
		}
		if to == p.owner && w.facts.Protocol != harness.Eager && w.r.IntN(4) == 0 {
			w.giveBack(p)
			continue
		}
		if to == p.owner && w.facts.Protocol != harness.Eager {
			w.observeChange(p, ledger.EventOwned, to, w.now, w.now)
			p.lastSeen = w.now
			continue
		}
		from := p.owner
		if from != nil {
			w.drain(p)
		}
		w.acquire(p, from, to)
	}
}

// giveBack lets an owner give a partition up, and get it again in the next generation.
func (w *simulation) giveBack(p *simPartition) {
	owner := p.owner
	w.drain(p)
	at, seen := w.observedInterval(p)
	w.observeChange(p, ledger.EventReleased, owner, at, seen)
	w.unassign(p, w.now)
	w.quiet()
	w.acquire(p, nil, owner)
}

// quiet waits until observers have seen all changes of owners. An observer that sees intervals sees
// one change in each.
func (w *simulation) quiet() {
	for _, p := range w.parts {
		w.now = max(w.now, p.lastSeen)
	}
	w.tick()
}

// drain ends the work on a partition that is revoked, and mostly commits.
func (w *simulation) drain(p *simPartition) {
	for _, a := range p.open() {
		if p.busy[a.Position()] == nil {
			continue // its call has ended
		}
		w.tick()
		w.finish(p, a, pick(w.r, ledger.OutcomeEffect, ledger.OutcomeEffect, ledger.OutcomeError, ledger.OutcomeCancelled))
	}
	if w.tick(); w.r.IntN(3) > 0 {
		w.commit(p)
		w.tick()
	}
}

// acquire assigns a partition to a member, which reads on from the commit. If the member had the
// partition before, observers see the generation alone.
func (w *simulation) acquire(p *simPartition, from, to *member) {
	before := p.lastSeen
	at, seen := w.observedInterval(p)
	if from != nil && from != to {
		w.observeChange(p, ledger.EventReleased, from, at, seen)
	}
	w.observeChange(p, ledger.EventOwned, to, at, seen)
	w.assign(p, to, at)
	p.owner, p.dead, p.next, p.done, p.busy, p.orphaned = to, nil, max(p.resume(), p.begins), map[ledger.Position]bool{}, map[ledger.Position]*attempt{}, 0
	p.fetched = -1
	if w.rewinds {
		w.now = max(w.now, before) + time.Microsecond
		e := ledger.Event{Kind: ledger.EventRewound, At: w.now, Owner: to.owner, Topic: p.place.Topic, Partition: p.place.Partition, Offset: -1, Membership: ledger.Membership{Group: p.group}}
		if w.r.IntN(2) == 0 {
			e.SetAnswer(p.committed)
		}
		w.event(e)
	}
	w.tick()
}

// observedInterval is the interval in which an observer sees a change that happens now. It begins
// after the end of the interval before.
func (w *simulation) observedInterval(p *simPartition) (at, seen time.Duration) {
	if at, seen = w.now, w.now; w.slack > 0 {
		at = max(p.lastSeen+time.Microsecond, at-time.Duration(w.r.Int64N(int64(w.slack/time.Microsecond)))*time.Microsecond)
		seen += time.Duration(w.r.Int64N(int64(w.slack/time.Microsecond))) * time.Microsecond
	}
	p.lastSeen = seen
	return at, seen
}

// observeChange adds what observers see of a member in the present generation.
func (w *simulation) observeChange(p *simPartition, edge ledger.EventKind, m *member, at, seen time.Duration) {
	w.event(ledger.Event{
		Kind: edge, At: at, Seen: seen, Owner: m.owner, Topic: p.place.Topic, Partition: p.place.Partition,
		Membership: ledger.Membership{Group: p.group, Generation: w.gen, Member: m.id},
	})
}

// crash kills an incarnation. Its attempts never end. Its partitions stay assigned to it until the
// session ends, or until a static member is back.
func (w *simulation) crash() {
	members := w.alive()
	if len(members) == 0 {
		return
	}
	m := pick(w.r, members...)
	m.alive = false
	reaped := w.now + time.Duration(1+w.r.IntN(20000))*time.Microsecond
	for _, p := range w.parts {
		if p.owner != m {
			continue
		}
		for _, a := range p.open() {
			a.end, a.outcome = reaped, ledger.OutcomeOpen
		}
		w.unassign(p, reaped)
		p.owner, p.busy, p.orphaned = nil, nil, w.now+w.facts.Session
		p.dead = m
	}
	w.trace.downs = append(w.trace.downs, reaped)
	w.event(ledger.Event{Kind: ledger.EventDown, At: reaped, Owner: m.owner})
	w.now = max(w.now, reaped)
	if w.facts.Protocol == static && w.r.IntN(2) == 0 {
		w.quiet()
		back := w.join()
		for _, p := range w.parts {
			if p.dead == m {
				w.acquire(p, m, back)
			}
		}
		return
	}
	if len(w.alive()) == 0 || w.r.IntN(2) == 0 {
		w.join()
	}
}

// adopt assigns the partitions of dead members to others once their sessions have ended.
func (w *simulation) adopt() {
	due := time.Duration(0)
	for _, p := range w.parts {
		if p.owner == nil {
			due = max(due, p.orphaned)
		}
	}
	if due == 0 {
		return
	}
	if w.r.IntN(4) > 0 && w.now < due {
		return // others work on meanwhile
	}
	w.now = max(w.now, due)
	if w.r.IntN(4) == 0 { // so late that an expelled member is back
		w.now += 3 * time.Second
	}
	w.wake()
	w.quiet()
	w.gen++
	members := w.alive()
	for _, p := range w.parts {
		if p.owner == nil {
			w.acquire(p, p.dead, pick(w.r, members...))
		} else if w.facts.Protocol == harness.Eager {
			w.drain(p)
			w.acquire(p, p.owner, pick(w.r, members...))
		}
	}
}

// seek makes an owner go back to an offset. A design may do that, or a log that was cut.
func (w *simulation) seek(p *simPartition) {
	if p.owner == nil || p.place.Offset == 0 || w.slack > 0 && !w.rewinds {
		return // observers that see this rewind see all
	}
	w.quiet()
	w.drain(p)
	p.next = w.r.Int64N(p.place.Offset)
	if p.committed < p.next {
		p.next = p.committed
	}
	p.next = max(p.next, p.begins)
	p.done, p.fetched = map[ledger.Position]bool{}, -1
	p.sought = w.facts.Effect != harness.EffectOutput && w.r.IntN(2) == 0
	w.read(p, p.pass.trueAssignment, p.next, w.now)
	w.event(ledger.Event{Kind: ledger.EventRewound, At: w.now, Owner: p.owner.owner, Topic: p.place.Topic, Partition: p.place.Partition, Offset: p.next, Membership: ledger.Membership{Group: p.group}})
	w.tick()
}

// pause stops a member for longer than its session, so that the group expels it. When the member
// continues, it ends the work that it had begun. It begins a little more before it learns of its
// expulsion.
func (w *simulation) pause() {
	members := w.alive()
	if len(members) < 2 {
		return
	}
	m := pick(w.r, members...)
	fault := uint32(len(w.seen))
	expelled := w.now + w.facts.Session
	healed := expelled + time.Duration(1+w.r.IntN(3_000_000))*time.Microsecond
	m.alive, m.back = false, healed+w.facts.Heartbeat
	w.trace.outages = append(w.trace.outages, outage{m, w.now, healed})
	inject := ledger.Event{Kind: ledger.EventInject, At: w.now, Owner: m.owner}
	heal := ledger.Event{Kind: ledger.EventHeal, At: healed, Owner: m.owner}
	inject.SetFault(fault)
	heal.SetFault(fault)
	w.event(inject)
	w.event(heal)
	for _, group := range w.groups() {
		w.event(ledger.Event{Kind: ledger.EventExpelled, At: expelled, Seen: expelled + w.slack, Owner: m.owner, Membership: ledger.Membership{Group: group}})
	}
	for _, p := range w.parts {
		if p.owner != m {
			continue
		}
		for _, a := range p.open() {
			a.end, a.outcome = healed+time.Duration(1+w.r.IntN(100_000))*time.Microsecond, ledger.OutcomeEffect
		}
		for _, l := range w.ready(p) {
			if w.r.IntN(2) == 0 {
				begun := healed + time.Duration(1+w.r.IntN(500_000))*time.Microsecond
				a := w.attempt(p, l, m, begun)
				a.end, a.outcome = begun+time.Duration(1+w.r.IntN(9000))*time.Microsecond, ledger.OutcomeEffect
			}
		}
		w.unassign(p, expelled)
		p.pass.learned = m.back + 100*time.Millisecond // by the definition of what a member can know
		p.owner, p.busy, p.orphaned, p.dead = nil, nil, expelled, m
	}
}

// groups are the groups that a pod is a member of: the group of the run, and the group that reads a
// side topic.
func (w *simulation) groups() (list []uint32) {
	list = []uint32{0}
	for _, p := range w.parts {
		if !slices.Contains(list, p.group) {
			list = append(list, p.group)
		}
	}
	return list
}

// wake brings paused members back, each as a new member.
func (w *simulation) wake() {
	for _, m := range w.pods {
		if m.back > 0 && m.back < w.now {
			m.alive, m.back, m.id = true, 0, w.r.Uint64N(1<<20)
		}
	}
}
