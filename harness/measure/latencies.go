package measure

import (
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// The names of the phases that every run can have; a phase within a fault
// window bears the fault's name.
const (
	PhaseAll      = "all" // every measured record: all but those of the warm-up
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

// Set summarises the latencies of a phase, or of [PhaseAll]; a phase that did
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

// EndToEnd is the end-to-end latency of a phase, or of [PhaseAll], at a quantile in (0,1],
// and the number n of its records. It is at most 0.1 % above the true one, and the exact
// maximum at 1.
func (l *Latencies) EndToEnd(phase string, quantile float64) (d time.Duration, n int64) {
	var all histogram
	for _, p := range l.phases {
		if p.isPartOf(phase) {
			all.mergeFrom(&p.endToEnd)
		}
	}
	if quantile >= 1 {
		return all.max, int64(all.n)
	}
	return all.percentile(100 * quantile), int64(all.n)
}

// isPartOf reports whether the phase is the one with this name, or a part of [PhaseAll].
func (p *phaseLatencies) isPartOf(name string) bool {
	return p.name == name || name == PhaseAll && p.name != phaseWarmup
}

// phase is a copy of a phase, which is not packed.
func (l *Latencies) phase(name string) *phaseLatencies {
	all := &phaseLatencies{name: name}
	for _, p := range l.phases {
		if p.isPartOf(name) {
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

// Curves are the percentile curves of end-to-end latency: of [PhaseAll] first,
// then of each phase. A curve ends where fewer than 10 samples lie beyond it,
// and one without any point is left out; nil after a flood.
func (l *Latencies) Curves() []harness.Curve {
	var curves []harness.Curve
	names := []string{PhaseAll}
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
