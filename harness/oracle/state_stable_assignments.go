package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// stableAssignments number the times in which one owner surely had a partition of the source without a rewind,
// so that two effects can be known to be of one. Any event of the partition's owners ends a stable assignment.
// Work that began before the acquisition was surely over is of none. Records of deferred ranges come again on
// another way, so a run with a topic of ranges has no stable assignments.
type stableAssignments struct {
	off   bool
	parts []stableAssignment
}

type stableAssignment struct {
	owner  ledger.Owner
	number uint16        // number is never noStableAssignment.
	since  time.Duration // since is when it had surely begun.
}

const noStableAssignment = 0

func newStableAssignments(f *Facts) *stableAssignments {
	s := &stableAssignments{parts: make([]stableAssignment, f.Partitions)}
	for _, side := range f.Sides {
		s.off = s.off || side.Role == harness.RoleRanges
	}
	return s
}

// trackChange notes an event of a partition's owners, or the end of a member.
func (s *stableAssignments) trackChange(e *ledger.Event) {
	switch e.Kind {
	case ledger.EventOwned, ledger.EventReleased, ledger.EventRewound:
		if e.Topic != 0 || e.OwnGroup() || uint(e.Partition) >= uint(len(s.parts)) {
			return
		}
		p := &s.parts[e.Partition]
		p.beginNext(e)
		if e.Kind == ledger.EventOwned {
			p.owner = e.Owner
		}
	case ledger.EventDown, ledger.EventExpelled:
		if e.OwnGroup() {
			return
		}
		for i := range s.parts {
			if p := &s.parts[i]; p.owner == e.Owner {
				p.beginNext(e)
			}
		}
	}
}

func (p *stableAssignment) beginNext(e *ledger.Event) {
	p.since = max(p.since, e.At, e.Seen)
	if p.number++; p.number == noStableAssignment {
		p.number++
	}
}

// numberOf is the number of the stable assignment that an effect is of, noStableAssignment for none.
func (s *stableAssignments) numberOf(e *ledger.Event) uint16 {
	if s.off || e.Topic != 0 || e.Zombie {
		return noStableAssignment
	}
	p := &s.parts[e.Partition]
	if e.Owner != p.owner || e.Start <= p.since {
		return noStableAssignment
	}
	return p.number
}
