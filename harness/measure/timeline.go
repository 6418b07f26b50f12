package measure

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// forever is the end of what is still open when the run ends.
const forever = time.Duration(math.MaxInt64)

// period is a part of the run's time.
type period struct{ from, to time.Duration }

func (s period) contains(t time.Duration) bool { return s.from <= t && t < s.to }

// segment is the time of one phase, and the records counted by time in it.
type segment struct {
	period
	offered, completed int64
	latencies          phaseLatencies
}

// cutPhases cuts the run into its phases, one after the other and without gaps:
// warm-up, steady until the first injection, each fault, and recovery after each
// heal until the next injection. Where faults overlap, the time belongs to the one
// injected first, so a fault within another has no phase. Later phases of one name are numbered. The last is open.
func cutPhases(warmup time.Duration, faults []Fault) []*segment {
	var segments []*segment
	seen := map[string]int{}
	add := func(name string, from, to time.Duration) {
		if from >= to {
			return
		}
		seen[name]++
		if n := seen[name]; n > 1 {
			name = fmt.Sprintf("%s %d", name, n)
		}
		segments = append(segments, &segment{period: period{from, to}, latencies: phaseLatencies{name: name}})
	}
	add(phaseWarmup, 0, warmup)
	now, between := warmup, PhaseSteady
	for _, f := range slices.SortedStableFunc(slices.Values(faults), byInjection) {
		w := f.period()
		add(between, now, w.from)
		add(f.Name, max(now, w.from), w.to)
		now, between = max(now, w.to), phaseRecovery
	}
	add(between, now, forever)
	return segments
}

func byInjection(a, b Fault) int { return cmp.Compare(a.From, b.From) }

// period is when the fault was in force.
func (f *Fault) period() period {
	if f.To == harness.Never {
		return period{f.From, forever}
	}
	return period{f.From, f.To}
}

// steadyPeriod is the time that faults are compared with: after the warm-up, under
// load, before the first injection.
func (c *Config) steadyPeriod() period {
	s := period{c.Warmup, c.Load}
	for _, f := range c.Faults {
		s.to = min(s.to, f.From)
	}
	return s
}

// Phases are the parts of the run in the order of time. They end with the load or with
// the last effect, whichever is later. An empty phase that began after that is left out.
//
// Latencies belong to records. A record due in the warm-up counts there. Any other
// counts in the phase of its first effect, or, for the ack latency, of the end of its
// send. Rates belong to time. Completed counts first effects in the phase, per second of
// it. Offered counts records due in it, per second of load in it, so that a drain does
// not dilute it. Both are 0 over no time.
func (r *Recorder) Phases() []harness.Phase {
	r.closeBins()
	end := max(r.cfg.Load, r.lastEffect)
	var phases []harness.Phase
	for _, s := range r.segments {
		l := &s.latencies
		if s.from >= end && s.completed == 0 && l.ack.n == 0 {
			continue
		}
		to := max(s.from, min(s.to, end))
		phases = append(phases, harness.Phase{
			Name: l.name, From: s.from, To: to,
			Offered:   perSecond(s.offered, min(to, r.cfg.Load)-s.from),
			Completed: perSecond(s.completed, to-s.from),
			EndToEnd:  l.endToEnd.quantiles(),
			Delivery:  l.delivery.quantiles(),
			Service:   l.service.quantiles(),
			Ack:       l.ack.quantiles(),
		})
	}
	return phases
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
