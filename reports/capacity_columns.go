package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
)

// capacityColumn is a value of an answer. All forms of the report have it.
type capacityColumn struct {
	Title, Doc string
	of         func(*capacity.Answer) string
	pageOnly   bool // pageOnly columns are not in the text, which has to fit a terminal.
}

var capacityColumns = []capacityColumn{
	{Title: "capacity", Doc: "the hardest load that held guarantees and objectives", of: foundLoad},
	{Title: "interval", Doc: "between the hardest load that held and the easiest that did not", of: foundInterval},
	{Title: "tightest bound", Doc: "what no consumer of this design can pass, and the resource", of: tightestBound},
	{Title: "of bound", Doc: "the capacity as a share of the tightest bound", of: shareOfBound},
	{Title: "saturation", Doc: "the rate at which a standing backlog was completed", of: saturationRate},
	{Title: "p99 at 50, 70, 90 %", Doc: "end-to-end latency at shares of the capacity", of: latencyPoints, pageOnly: true},
	{Title: "knee", Doc: "the rate at which the p99 first exceeds twice its level at low load", of: kneeOf, pageOnly: true},
	{Title: "trials", Doc: "trials that searched + trials that confirmed", of: trialCounts},
	{Title: "took", Doc: "real time", of: func(a *capacity.Answer) string { return a.Took.Round(100 * time.Millisecond).String() }, pageOnly: true},
}

func foundLoad(a *capacity.Answer) string {
	if load, ok := a.Capacity(); ok {
		return formatCount(load) + " " + a.Result.Axis.Unit
	}
	return missing
}

func foundInterval(a *capacity.Answer) string {
	g := a.Result.Limiting()
	switch {
	case g == nil || g.Held == nil && g.Broken == nil:
		return missing
	case g.Broken == nil:
		return "from " + formatCount(g.From)
	case g.Held == nil:
		return "below " + formatCount(g.To)
	}
	return formatCount(g.From) + " to " + formatCount(g.To)
}

func tightestBound(a *capacity.Answer) string {
	if b, ok := capacity.Tightest(a.Bounds); ok {
		return formatCount(b.Rate) + "/s, " + b.Name
	}
	return missing
}

func shareOfBound(a *capacity.Answer) string {
	load, ok := a.Capacity()
	b, has := capacity.Tightest(a.Bounds)
	if !ok || !has {
		return missing
	}
	if a.Rate > 0 {
		load = a.Rate
	}
	return formatPercent(load / b.Rate)
}

func saturationRate(a *capacity.Answer) string {
	if a.Saturation == nil || a.Saturation.Rate == 0 {
		return missing
	}
	return formatCount(a.Saturation.Rate) + "/s"
}

func latencyPoints(a *capacity.Answer) string {
	if len(a.Points) == 0 {
		return missing
	}
	var values []string
	for _, p := range a.Points {
		if !slices.Contains([]float64{0.5, 0.7, 0.9}, p.Share) {
			continue
		}
		values = append(values, formatMillis(p.EndToEnd.P99.Seconds()))
	}
	return strings.Join(values, ", ") + " ms"
}

func kneeOf(a *capacity.Answer) string {
	switch {
	case a.Knee == nil:
		return missing
	case !a.Knee.Found:
		return "above " + formatCount(a.Knee.From) + "/s"
	}
	return formatCount(a.Knee.Load) + "/s"
}

func trialCounts(a *capacity.Answer) string {
	return fmt.Sprintf("%d + %d", a.Result.Searching, a.Result.Confirming)
}

// describeSetup is what a sweep set, as "keys uniform:20000, pods 3".
func describeSetup(a *capacity.Answer) string {
	var parts []string
	for _, s := range a.Setup {
		parts = append(parts, s.Name+" "+s.Value)
	}
	return strings.Join(parts, ", ")
}

// capacityHeadline is the report in one sentence.
func capacityHeadline(r *capacity.Report) string {
	best := -1
	for i := range r.Answers {
		load, ok := r.Answers[i].Capacity()
		if !ok {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		most, _ := r.Answers[best].Capacity()
		if r.Answers[i].Result.Axis.IsHarder(load, most) {
			best = i
		}
	}
	if best < 0 {
		return "No search found a capacity"
	}
	a := &r.Answers[best]
	text := a.Consumer.Name
	if set := describeSetup(a); set != "" {
		text += " with " + set
	}
	if a.Rate > 0 {
		return fmt.Sprintf("%s needs %s for %s records/s", text, foundLoad(a), formatCount(a.Rate))
	}
	return fmt.Sprintf("%s carries %s", text, foundLoad(a))
}

func capacityAbout(r *capacity.Report) string {
	if len(r.Answers) == 0 {
		return ""
	}
	a := &r.Answers[0]
	what := "The highest rate that held"
	if a.Rate > 0 {
		what = "The fewest " + a.Seek + " that held " + formatCount(a.Rate) + " records/s with"
	}
	return fmt.Sprintf("%s all guarantees of the consumer, and the objectives %s.", what, a.Objectives)
}

func capacityUnit(r *capacity.Report) string {
	for i := range r.Answers {
		if k := r.Answers[i].Result; k != nil {
			return k.Axis.Unit
		}
	}
	return ""
}

// capacityCaveats are what a reader must not overlook.
func capacityCaveats(r *capacity.Report) (all []string) {
	if r.Interrupted {
		all = append(all, fmt.Sprintf("Interrupted after %d of %d answers.", len(r.Answers), r.Planned))
	}
	switch {
	case r.Virtual:
		all = append(all, "Virtual time: the work and the waits of clients and brokers take their time. Processors, garbage collection and the network take none. Check an answer in real time before you rely on it.")
	case r.Modelled:
		all = append(all, "Simulated broker (kfake): for real numbers search with real Kafka.")
	}
	return all
}

// capacityReading explains the words of the page.
var capacityReading = []harness.Setting{
	{Name: "Trial", Value: "One run at one load. A short trial searches, a full one confirms."},
	{Name: "Held, broken", Value: "A load holds a goal if its trials met it. A load breaks a goal if they did not."},
	{Name: "Guarantees", Value: "What the consumer claims: no loss, order, repeats. One trial that breaks a claim breaks the load."},
	{Name: "Objectives", Value: "What a run must reach: latency, no growing backlog. Trials of more than half of the time must miss them to break the load."},
	{Name: "Capacity", Value: "The hardest load that held both goals, below the easiest load that broke one of them (RFC 9971)."},
	{Name: "Bound", Value: "The rate at which one resource works all the time. It is computed from the load as planned, and needs no run."},
	{Name: "Saturation", Value: "The rate at which a standing backlog is completed. It shows what the design does without pauses, and keeps no objective."},
	{Name: "Undecided", Value: "The trials at a load do not say enough. The search extends such a load once."},
}
