package oracle

import (
	"fmt"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// CheckLivelock finds a group that turns in circles. A partition of the source gets an owner again, while records
// above its commit are completed already. So the owner does the work of the one before it again. Four such
// acquisitions of a partition are not counted. Each further one is a violation.
//
// An acquisition counts only outside fault windows. A window lasts from the injection of a fault to its heal. It goes
// on for three sessions and a heartbeat after each of the two, and after the end of a pod. A fault that affects no
// pod and no partition has no heal. Acquisitions after the drain do not count either.
//
// A member with a batch that takes longer than its poll interval leaves, comes back, and gets the same batch. That
// is the usual cause.
const CheckLivelock = "livelock"

var _ = register(entry{
	name: CheckLivelock, gravity: recordsLost + 6,
	finds:  "a partition that changes owners again and again without a fault, while completed records lie above its commit",
	claim:  "always, but not in share groups",
	heldTo: heldToProgress, needs: []string{LedgerComplete, NoPodStarved, ObserversKeptUp}, marks: marksOwner,
	newCheck: func(s *judgeState) check {
		return &livelock{facts: s.Facts, windows: newFaultWindows(s.Facts), parts: make([]circles, s.Partitions)}
	},
})

// allowedCircles is how many acquisitions of a partition are not counted.
const allowedCircles = 4

func heldToProgress(f *Facts) string {
	if f.Share {
		return ""
	}
	return "progress of the group"
}

type livelock struct {
	facts   *Facts
	windows *faultWindows
	parts   []circles
	total   int64 // total counts the acquisitions that repeat work, those that are not counted included.
	found   findings
}

// circles are the acquisitions of a partition that repeat work.
type circles struct {
	owner     ledger.Owner
	member    uint64
	gen       int32
	released  bool
	committed int64
	completed int64 // completed is one more than the highest offset with an effect.
	count     int
}

func (l *livelock) Observe(b *batch) {
	for _, e := range b.Work {
		switch e.Kind {
		case ledger.EventEnd, ledger.EventCopied:
			if isEffect(e) && e.Held {
				p := &l.parts[e.Origin]
				p.completed = max(p.completed, e.Source+1)
			}
		case ledger.EventCommit, ledger.EventOwned, ledger.EventReleased:
			if e.Topic == 0 && !e.OwnGroup() && uint(e.Partition) < uint(len(l.parts)) {
				l.trackPartition(e, &l.parts[e.Partition])
			}
		default:
			l.windows.trackFault(e)
		}
	}
}

// trackPartition notes a commit, or that a partition changes its owner.
func (l *livelock) trackPartition(e *ledger.Event, p *circles) {
	switch {
	case e.Kind == ledger.EventCommit:
		if e.Outcome == ledger.OutcomeConfirmed {
			p.committed = e.Offset
		}
		return
	case e.Kind == ledger.EventReleased:
		p.released = p.released || e.Owner == p.owner
		return
	}
	stays := e.Owner == p.owner && e.Member == p.member && !p.released && (l.facts.Protocol != harness.Eager || e.Generation == p.gen)
	p.owner, p.member, p.gen, p.released = e.Owner, e.Member, e.Generation, false
	if stays || p.completed <= p.committed || l.windows.covers(e.At) || e.At > l.facts.DrainEnd {
		return
	}
	l.total++
	if p.count++; p.count <= allowedCircles {
		return
	}
	l.found.addAnomaly(func() harness.Anomaly {
		a := unnamedAnomaly(ledger.Position{Partition: e.Partition, Offset: p.committed}, e.At, fmt.Sprintf(
			"%s got partition %d at %s, the %dth owner without a fault that has to repeat completed work: the commit is %d, and records up to %d were completed",
			l.facts.podName(e.Owner), e.Partition, formatTime(e.At), p.count, p.committed, p.completed-1))
		a.Pods = []string{l.facts.podName(e.Owner)}
		return a
	})
}

func (l *livelock) Verdict() harness.Verdict {
	detail := ""
	if l.found.count > 0 {
		detail = fmt.Sprintf("without a fault, partitions changed owners %d times while completed records lay above their commits", l.total)
	}
	return l.found.toVerdict(detail)
}
