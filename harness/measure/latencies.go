package measure

import (
	"slices"

	"github.com/stampede-bench/stampede/harness"
)

// The names of the phases that every run can have; a phase within a fault
// window bears the fault's name.
const (
	phaseAll      = "all" // every measured record: all but those of the warm-up
	phaseWarmup   = "warm-up"
	PhaseSteady   = "steady"
	phaseRecovery = "recovery"
)

// Latencies are the four latencies of a run, or of several merged, by phase.
// The zero value is empty and ready for Merge. Those of a run are packed: a comparison keeps
// them to its end, and a run with many faults has many phases. Not safe for concurrent use.
type Latencies struct {
	phases []*phaseLatencies // in the order of time
}

type phaseLatencies struct {
	name                             string
	endToEnd, delivery, service, ack histogram
}

func (p *phaseLatencies) histograms() [4]*histogram {
	return [...]*histogram{&p.endToEnd, &p.delivery, &p.service, &p.ack}
}

func (p *phaseLatencies) mergeFrom(from *phaseLatencies) {
	to := p.histograms()
	for i, h := range from.histograms() {
		to[i].mergeFrom(h)
	}
}

// Merge adds the latencies of another run, phase by phase, as if both had been
// recorded here. The other one stays as it is.
func (l *Latencies) Merge(from *Latencies) {
	for _, p := range from.phases {
		i := slices.IndexFunc(l.phases, func(q *phaseLatencies) bool { return q.name == p.name })
		if i < 0 {
			i = len(l.phases)
			l.phases = append(l.phases, &phaseLatencies{name: p.name})
		}
		l.phases[i].mergeFrom(p)
	}
}

// Set summarises the latencies of a phase, or of [phaseAll]; a phase that did
// not occur has none.
func (l *Latencies) Set(phase string) harness.LatencySet {
	p := l.phase(phase)
	return harness.LatencySet{
		EndToEnd: p.endToEnd.quantiles(),
		Delivery: p.delivery.quantiles(),
		Service:  p.service.quantiles(),
		Ack:      p.ack.quantiles(),
	}
}

// phase is a copy of a phase, which is not packed.
func (l *Latencies) phase(name string) *phaseLatencies {
	all := &phaseLatencies{name: name}
	for _, p := range l.phases {
		if p.name == name || name == phaseAll && p.name != phaseWarmup {
			all.mergeFrom(p)
		}
	}
	return all
}

// pack keeps of each histogram what is not empty.
func (l *Latencies) pack() {
	for _, p := range l.phases {
		for _, h := range p.histograms() {
			h.pack()
		}
	}
}

// Curves are the percentile curves of end-to-end latency: of [phaseAll] first,
// then of each phase. A curve ends where fewer than 10 samples lie beyond it,
// and one without any point is left out; nil after a flood.
func (l *Latencies) Curves() []harness.Curve {
	var curves []harness.Curve
	names := []string{phaseAll}
	for _, p := range l.phases {
		names = append(names, p.name)
	}
	for _, name := range names {
		h := &l.phase(name).endToEnd
		if points := h.curvePoints(); len(points) > 0 {
			curves = append(curves, harness.Curve{Phase: name, N: int64(h.n), Points: points})
		}
	}
	return curves
}
