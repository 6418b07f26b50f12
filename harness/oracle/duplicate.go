package oracle

import (
	"fmt"
	"math"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/ledger"
)

var (
	unexplainedEntry = entry{
		name: "unexplained duplicate", make: func(f *Facts) Check { return f.tenures().view("unexplained duplicate", true) },
		// No claim allows it: at-most-once and exactly-once forbid the explained ones too.
		heldTo: func(f *Facts) string { return string(f.Delivery) }, leans: []string{LedgerComplete, ObserversKeptUp},
	}
	explainedEntry = entry{
		name: "explained duplicate", make: func(f *Facts) Check { return f.tenures().view("explained duplicate", false) },
		heldTo: func(f *Facts) string {
			if f.Delivery == harness.AtLeastOnce {
				return ""
			}
			return string(f.Delivery)
		},
		leans: []string{LedgerComplete},
	}
)

// rewinds tells duplicates that a rewind explains from those that are a bug.
//
// A tenure is the time from one acquisition of a partition to the next. Each
// but the first begins with a rewind to the group's commit, its base: the new
// owner reads from there, so each offset from the base on may have one effect
// more. An effect belongs to the tenure under which its attempt began. Two
// effects of one offset under one tenure, or one under a tenure whose base lies
// past the offset, have no excuse.
//
// Acquisitions are seen as intervals. An attempt begun within one may belong
// to the tenure before or after; it is given the benefit of the doubt. Where the
// rewind itself was seen, the tenure begins with that instead.
type rewinds struct {
	facts       *Facts
	parts       []tenures
	explained   findings
	unexplained findings
}

// tenures is a partition: who had it since when, what is committed, and under
// which tenure each offset had its latest effect.
type tenures struct {
	list      []tenure
	committed int64
	effects   []uint8          // by offset: index of the tenure + 1, 0 for none; see lastTenure
	unsure    map[int64][]span // all effects of the offsets where one may belong to several tenures
}

type tenure struct {
	owner      ledger.Owner
	member     uint64
	generation int32
	earliest   time.Duration
	seen       time.Duration
	base       int64
	settled    bool // settled: the owner has begun a record, so the base is final
	released   bool
}

// lastTenure is the index from which on tenures share a number: more than 254
// acquisitions of one partition in a run. Duplicates among those are held to the
// base alone.
const lastTenure = 254

func (f *Facts) tenures() *rewinds {
	if f.rewinds == nil {
		f.rewinds = &rewinds{facts: f}
	}
	return f.rewinds
}

func (r *rewinds) view(name string, unexplained bool) Check {
	if unexplained {
		return &view{name: name, observe: r.observe, verdict: func() harness.Verdict { return r.unexplained.verdict("") }}
	}
	return &view{name: name, verdict: func() harness.Verdict { return r.explained.verdict("") }}
}

func (r *rewinds) observe(events []ledger.Event) {
	for i := range events {
		e := &events[i]
		if e.Topic != 0 || e.Partition < 0 || int(e.Partition) >= r.facts.Partitions || e.OwnGroup() {
			continue
		}
		for int(e.Partition) >= len(r.parts) {
			r.parts = append(r.parts, tenures{})
		}
		p := &r.parts[e.Partition]
		switch e.Edge {
		case ledger.EdgeOwned:
			p.acquire(e, r.facts.Protocol == harness.Eager)
		case ledger.EdgeReleased:
			p.release(e.Owner)
		case ledger.EdgeRewound:
			p.rewind(e)
		case ledger.EdgeCommit:
			if e.Outcome == ledger.OutcomeConfirmed {
				p.commit(e.Offset)
			}
		case ledger.EdgeStart:
			p.begin(e)
		case ledger.EdgeEnd:
			if e.Outcome == ledger.OutcomeEffect && e.Held {
				r.effect(p, e)
			}
		}
	}
}

// acquire begins a tenure, unless the owner simply still has the partition: it
// does across the generations of a protocol that does not revoke what stays.
func (p *tenures) acquire(e *ledger.Event, eager bool) {
	if n := len(p.list); n > 0 {
		last := &p.list[n-1]
		same := last.owner == e.Owner && last.member == e.Member && !last.released
		if same && (last.generation == e.Generation || !eager) {
			last.generation = e.Generation
			return
		}
	}
	p.list = append(p.list, tenure{
		owner: e.Owner, member: e.Member, generation: e.Generation,
		earliest: e.At, seen: e.Seen, base: p.committed,
	})
}

func (p *tenures) release(o ledger.Owner) {
	if n := len(p.list); n > 0 && p.list[n-1].owner == o {
		p.list[n-1].released = true
	}
}

// rewind begins a tenure with a rewind that was seen itself. It is the one that
// comes with an acquisition where the acquisition was seen no more exactly, or
// where the owner has not begun: then it says from where the owner reads, and since
// when.
func (p *tenures) rewind(e *ledger.Event) {
	base := e.Offset
	if base < 0 {
		base = p.committed
	}
	t := tenure{owner: e.Owner, earliest: e.At, seen: e.At, base: base}
	if n := len(p.list); n > 0 && p.list[n-1].owner == e.Owner {
		last := &p.list[n-1]
		if within := e.At <= last.seen; within || !last.settled {
			last.base = min(last.base, base)
			if within {
				last.earliest, last.seen, last.settled = e.At, e.At, false
			}
			return
		}
		t.member, t.generation = last.member, last.generation
	}
	p.list = append(p.list, t)
}

// commit lowers the base of a tenure whose owner has not begun: it may have
// read any value committed since the change.
func (p *tenures) commit(offset int64) {
	p.committed = offset
	if n := len(p.list); n > 0 && !p.list[n-1].settled {
		p.list[n-1].base = min(p.list[n-1].base, offset)
	}
}

// begin settles the base of the owner's tenure. An owner that no observer saw
// acquire the partition gets a tenure from its first record.
func (p *tenures) begin(e *ledger.Event) {
	for i := len(p.list) - 1; i >= 0; i-- {
		if p.list[i].owner == e.Owner {
			p.list[i].settled = true
			return
		}
	}
	p.list = append(p.list, tenure{owner: e.Owner, earliest: e.At, seen: e.At, base: p.committed, settled: true})
}

// of is the index of the latest and of the earliest tenure under which an
// attempt of owner begun at start may fall.
func (p *tenures) of(owner ledger.Owner, start time.Duration) (high, low int) {
	high, low = -1, -1
	for i := len(p.list) - 1; i >= 0; i-- {
		t := &p.list[i]
		if t.owner != owner {
			continue
		}
		if high < 0 && t.earliest <= start {
			high = i
		}
		low = i
		if t.seen <= start {
			break
		}
	}
	return max(high, low), low
}

func (r *rewinds) effect(p *tenures, e *ledger.Event) {
	if grow := int(e.Offset) + 1 - len(p.effects); grow > 0 {
		p.effects = append(p.effects, make([]uint8, grow)...)
	}
	high, low := p.of(e.Owner, e.Start)
	if high < 0 { // no tenure: an effect without a start, which a whole ledger cannot have
		return
	}
	was := int(p.effects[e.Offset]) - 1
	cause := max(high, was)
	excused := (high != was || was == lastTenure) && p.list[cause].base <= e.Offset
	if _, unsure := p.unsure[e.Offset]; unsure || low != high {
		excused = p.uncertain(e.Offset, span{e.Owner, low, high}, was)
	}
	p.effects[e.Offset] = number(cause)
	switch {
	case was < 0:
		return
	case excused:
		r.explained.add(func() harness.Anomaly {
			return anomaly(r.facts, e, "again at %s by %s, after the rewind of partition %d to %d",
				at(e.At), r.facts.name(e.Owner), e.Partition, p.list[cause].base)
		})
		return
	}
	r.unexplained.add(func() harness.Anomaly {
		why := "no rewind lies between its effects"
		if high != was {
			why = fmt.Sprintf("the last rewind was to %d, past it", p.list[cause].base)
		}
		return anomaly(r.facts, e, "again at %s by %s: %s", at(e.At), r.facts.name(e.Owner), why)
	})
}

func number(tenure int) uint8 { return uint8(min(tenure, lastTenure) + 1) }

var _ = [1]struct{}{}[lastTenure+1-math.MaxUint8] // the number of the last tenure fits
