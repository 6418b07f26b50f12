package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/plain"
)

// planColumn is a value of a design in a plan. All forms of the report have it.
type planColumn struct {
	Title, Doc string
	of         func(*capacity.Plan, *capacity.DesignPlan) string
}

var planColumns = []planColumn{
	{"order", "what the consumer claims", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return string(d.Consumer.Order) }},
	{"pods", "the fewest pods that held the peak", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return fmt.Sprint(d.Pods) }},
	{"partitions", "of the topic", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return fmt.Sprint(d.Partitions) }},
	{"workers", "of each pod", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return fmt.Sprint(d.Workers) }},
	{"capacity", "the highest rate that these pods held", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return ofCapacity(d, foundLoad) }},
	{"interval", "between the highest rate that held and the lowest that did not", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return ofCapacity(d, foundInterval) }},
	{"utilisation at peak", "of the most loaded resource, and its name", planUtilisation},
	{"headroom", "the capacity above the peak", planHeadroom},
	{"knee", "the rate at which the p99 first exceeds twice its level at low load", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return ofCapacity(d, kneeOf) }},
	{"p99 at 50, 70, 90 %", "end-to-end latency at shares of the capacity", func(_ *capacity.Plan, d *capacity.DesignPlan) string { return ofCapacity(d, latencyPoints) }},
}

func ofCapacity(d *capacity.DesignPlan, value func(*capacity.Answer) string) string {
	if d.Capacity == nil || d.Capacity.Result == nil {
		return missing
	}
	return value(d.Capacity)
}

func planUtilisation(p *capacity.Plan, d *capacity.DesignPlan) string {
	u, of, ok := d.Utilisation(p.Peak)
	if !ok {
		return missing
	}
	return formatPercent(u) + ", " + of
}

func planHeadroom(p *capacity.Plan, d *capacity.DesignPlan) string {
	if d.Capacity == nil {
		return missing
	}
	found, ok := d.Capacity.Capacity()
	if !ok {
		return missing
	}
	return fmt.Sprintf("%+.0f %%", 100*(found/p.Peak-1))
}

// planHeadline is the plan in one sentence.
func planHeadline(p *capacity.Plan) string {
	best := p.Cheapest("")
	if best == nil {
		return fmt.Sprintf("No design holds %s records/s", formatCount(p.Peak))
	}
	return fmt.Sprintf("%s holds %s records/s with %s, the fewest", best.Consumer.Name, formatCount(p.Peak), plural(best.Pods, "pod"))
}

// planQuestion is what was asked, in words, and the cheapest design for each order.
func planQuestion(p *capacity.Plan) []string {
	s := &p.Scenario
	lines := []string{
		fmt.Sprintf("%s records/s in a usual hour, %s at the peak; keys %s; work %s; %d partitions.", formatCount(p.Rate), formatCount(p.Peak), s.Keys, s.Service, s.Partitions),
		"Objectives at the peak: " + p.Objectives + ", and no broken guarantee.",
	}
	for _, order := range []harness.Order{harness.OrderKey, harness.OrderPartition} {
		if d := p.Cheapest(order); d != nil {
			lines = append(lines, fmt.Sprintf("With order by %s: %s with %s.", order, d.Consumer.Name, plural(d.Pods, "pod")))
		} else if slices.ContainsFunc(p.Designs, func(d capacity.DesignPlan) bool { return d.Consumer.Order == order }) {
			lines = append(lines, fmt.Sprintf("With order by %s: none of these designs.", order))
		}
	}
	return lines
}

// planOutage is a drain in words.
func planOutage(o *capacity.OutagePlan) string {
	if o.Last.Took == harness.Never {
		return fmt.Sprintf("%s: never drained, %s is full without an outage", formatOutage(o.For), o.Last.Resource)
	}
	return fmt.Sprintf("%s: drained %s later, %s last", formatOutage(o.For), formatDuration(o.Last.Took.Round(time.Second).Seconds()), o.Last.Resource)
}

// formatOutage is "5 min".
func formatOutage(d time.Duration) string { return fmt.Sprintf("%.4g min", d.Minutes()) }

// planLoss is a lost pod or broker in words.
func planLoss(what string, l *capacity.Loss) string {
	if l.Headroom < 0 {
		return fmt.Sprintf("%s: the rest lacks %s of the rate (%s): the backlog grows until it is back", what, formatPercent(-l.Headroom), l.Tightest.Name)
	}
	return fmt.Sprintf("%s: its partitions stand still for %s, and all is drained at most %s later (%s); headroom left %s",
		what, formatDuration(l.Gap.Seconds()), formatDuration(l.Drain.Took.Round(time.Second).Seconds()), l.Drain.Resource, formatPercent(l.Headroom))
}

func planPurchase(b *capacity.Purchase) string {
	return fmt.Sprintf("%s: %+.0f %%, then bound by: %s", b.What, 100*b.Gain, b.Bound.Name)
}

// planList is one part of what the plan of a design says besides its row.
type planList struct {
	Title string
	Lines []string
}

func planLists(d *capacity.DesignPlan) []planList {
	outage := planList{Title: "After an outage in a usual hour"}
	for i := range d.Outages {
		outage.Lines = append(outage.Lines, planOutage(&d.Outages[i]))
	}
	loss := planList{Title: "A loss at the peak"}
	if d.PodLost != nil {
		loss.Lines = append(loss.Lines, planLoss("a pod", d.PodLost))
	}
	if d.BrokerLost != nil {
		loss.Lines = append(loss.Lines, planLoss("a broker", d.BrokerLost))
	}
	buy := planList{Title: "The next purchase"}
	for i := range d.Purchases {
		buy.Lines = append(buy.Lines, planPurchase(&d.Purchases[i]))
	}
	return slices.DeleteFunc([]planList{outage, loss, buy}, func(l planList) bool { return len(l.Lines) == 0 })
}

func (t *capacityText) writePlan() {
	p := t.report.Plan
	fmt.Fprintf(t, "\n%s", wrap(planHeadline(p)+".", pageWidth, ""))
	for _, q := range planQuestion(p) {
		t.WriteString(wrap(q, pageWidth, ""))
	}
	fmt.Fprintf(t, "\nPLAN\n")
	rows := table{right: 1} // turned: designs have long values
	head := []string{""}
	var holding []*capacity.DesignPlan
	for i := range p.Designs {
		if d := &p.Designs[i]; d.Failed == "" {
			holding = append(holding, d)
			head = append(head, d.Consumer.Name)
		}
	}
	rows.addRow(head...)
	for _, k := range planColumns {
		row := []string{k.Title}
		for _, d := range holding {
			row = append(row, k.of(p, d))
		}
		rows.addRow(row...)
	}
	if len(holding) > 0 {
		rows.writeTo(t)
	}
	for i := range p.Designs {
		d := &p.Designs[i]
		fmt.Fprintf(t, "\n%s\n", strings.ToUpper(plain.Line(d.Consumer.Name)))
		if d.Failed != "" {
			t.WriteString(wrap(d.Failed, pageWidth, "  "))
			continue
		}
		if b, ok := capacity.Tightest(d.Bounds); ok {
			t.WriteString(wrap(b.String(), pageWidth, "  "))
		}
		for _, list := range planLists(d) {
			fmt.Fprintf(t, "  %s:\n", strings.ToLower(list.Title))
			for _, line := range list.Lines {
				t.WriteString(wrap(line, pageWidth, "    "))
			}
		}
		if d.Settings != nil {
			t.WriteString(wrap("settings: "+strings.ReplaceAll(d.Settings.String(), "\n", ", "), pageWidth, "  "))
		}
	}
}
