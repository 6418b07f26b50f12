package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/reports/internal/chart"
)

// drawing is what the charts of a scenario share.
type drawing struct {
	view     *view
	scenario *harness.ScenarioInfo
	shown    []shown
	end      float64 // end of the longest run, in seconds
	spans    []chart.Span
	marks    []chart.Mark
}

// shown is a consumer with the run that is drawn.
type shown struct {
	consumer pageConsumer
	cell     *harness.Cell
	run      *harness.Run
}

func (v *view) newDrawing(p *page, s *harness.ScenarioInfo) *drawing {
	d := &drawing{view: v, scenario: s, end: s.Load.Seconds()}
	for _, consumer := range p.Consumers {
		c := v.cellOf(s.Name, consumer.Name)
		if c == nil {
			continue
		}
		r := v.drawnRun(c)
		if r == nil {
			continue
		}
		d.shown = append(d.shown, shown{consumer, c, r})
		d.end = max(d.end, r.Series.Step.Seconds()*float64(len(r.Series.Backlog)))
	}
	d.spans, d.marks = d.faultSpans(), d.loadEndMark()
	return d
}

// faultSpans are the warm-up and the faults. A fault reaches from the first
// injection to the last heal over all consumers.
func (d *drawing) faultSpans() []chart.Span {
	var spans []chart.Span
	if w := d.scenario.Warmup.Seconds(); w > 0 {
		spans = append(spans, chart.Span{From: 0, To: w, Label: "warm-up", Class: "warm"})
	}
	for i := 0; ; i++ {
		s := chart.Span{From: math.Inf(1), Class: "fault"}
		for _, sh := range d.shown {
			if i < len(sh.run.Faults) {
				f := sh.run.Faults[i]
				s.Label, s.From = f.Name, min(s.From, seconds(f.Injected))
				s.To = max(s.To, min(seconds(f.Healed), d.end))
			}
		}
		if s.Label == "" {
			return spans
		}
		spans = append(spans, s)
	}
}

func (d *drawing) loadEndMark() []chart.Mark {
	if at := d.scenario.Load.Seconds(); at < d.end*0.97 {
		return []chart.Mark{{At: at, Label: "load ends"}}
	}
	return nil
}

// describeRuns says which runs are drawn, if there is a choice or no passed run.
func (d *drawing) describeRuns() string {
	var words []string
	if d.view.maxRepeats() > 1 {
		words = append(words, "the first repeat that passed")
	}
	for _, s := range d.shown {
		if !s.run.KeptClaims() {
			words = append(words, fmt.Sprintf("of %s repeat %d, because no repeat passed (%s)", s.consumer.Short, s.run.Repeat, s.run.Status))
		}
	}
	for _, consumer := range d.view.Consumers {
		if c := d.view.cellOf(d.scenario.Name, consumer.Name); c != nil && d.view.drawnRun(c) == nil {
			words = append(words, fmt.Sprintf("of %s no run (%s)", d.view.short[consumer.Name], c.Status))
		}
	}
	return strings.Join(words, "; ")
}

// withLatency are the shown consumers whose latencies are reported.
func (d *drawing) withLatency() []shown {
	var out []shown
	for _, s := range d.shown {
		if s.run.KeptClaims() && !s.run.Load.Flood {
			out = append(out, s)
		}
	}
	return out
}

// describeMissing says which consumers a chart of latencies leaves out.
func (d *drawing) describeMissing() string {
	var words []string
	for _, consumer := range d.view.Consumers {
		c := d.view.cellOf(d.scenario.Name, consumer.Name)
		if c == nil {
			continue
		}
		if r := d.view.drawnRun(c); r == nil || !r.KeptClaims() || r.Load.Flood {
			words = append(words, fmt.Sprintf("%s (%s)", d.view.short[consumer.Name], d.view.whyNoLatency(c)))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "Not reported: " + joinWords(words) + "."
}
