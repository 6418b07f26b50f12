package oracle

import (
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

// stableAssignments numbers the times for which one owner surely had a partition of the source
// without a rewind, so that two effects can be told to be of one. They are tenures with
// all doubt left out: whatever is seen of who has the partition ends one, and what began
// before it had surely come is of none. Where ranges are set aside none is numbered, since
// their records come again by another way.
type stableAssignments struct {
	off   bool
	parts []stableAssignment
}

type stableAssignment struct {
	owner  ledger.Owner
	number uint16        // number is never 0, which is none
	since  time.Duration // since is when it had surely begun
}

func newStableAssignments(f *Facts) *stableAssignments {
	s := &stableAssignments{parts: make([]stableAssignment, f.Partitions)}
	for _, side := range f.Sides {
		s.off = s.off || side.Role == harness.RoleRanges
	}
	return s
}

// trackOwners takes what is seen of who has which partition, or that a member ended.
func (s *stableAssignments) trackOwners(e *ledger.Event) {
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
	if p.number++; p.number == 0 {
		p.number = 1
	}
}

// numberOf is the number of the stint that an effect is of, 0 for none.
func (s *stableAssignments) numberOf(e *ledger.Event) uint16 {
	if s.off || e.Topic != 0 || e.Zombie {
		return 0
	}
	p := &s.parts[e.Partition]
	if e.Owner != p.owner || e.Start <= p.since {
		return 0
	}
	return p.number
}
