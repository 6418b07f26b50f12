package reports

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/capacity"
	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/reports/internal/chart"
)

// renderCapacityHTML writes what searches found as one page that needs no network, no other file and
// no script.
func renderCapacityHTML(w io.Writer, r *capacity.Report) error {
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, "capacity.tmpl", newCapacityPage(plain.Copy(r))); err != nil {
		return fmt.Errorf("render capacity.html: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// capacityPage is all that the template writes, in words.
type capacityPage struct {
	CSS     template.CSS
	CSSHash string

	Headline    string
	Remarks     []string
	Caveats     []string
	Command     []string
	Facts       []harness.Setting
	About, Unit string
	Heads       []capacityColumn
	Rows        []capacityRow
	Maps        []heatMap
	Details     []capacityDetail
	Plan        *planPage
	Reading     []harness.Setting
	Environment []harness.Setting
}

type capacityRow struct {
	Anchor, Consumer, Setup, Failed string
	Values                          []string
}

type capacityDetail struct {
	Anchor, Title, Summary, Unit string
	Open                         bool
	Remarks, Goals               []string
	Strip                        template.HTML
	Bounds                       []capacityBound
	Points                       []capacityPoint
	Checks                       []capacityCheck
	Trials                       []capacityTrial
}

type capacityBound struct{ Name, Rate, Why string }

type capacityPoint struct {
	Share, Rate, Utilisation, P50, P99, Max string
	Status                                  harness.Status
}

type capacityCheck struct{ Backend, Found, Error, Remark string }

type capacityTrial struct {
	Number                                                           int
	Purpose, Load, Length, Completed, Guarantees, Objectives, Detail string
}

func newCapacityPage(r *capacity.Report) *capacityPage {
	css, _ := assets.ReadFile("assets/report.css")
	own, _ := assets.ReadFile("assets/capacity.css")
	css = append(css, own...)
	p := &capacityPage{
		CSS: template.CSS(css), CSSHash: policyHash(string(css)),
		Headline: capacityHeadline(r), Caveats: capacityCaveats(r), Command: commandParts(r.Command),
		About: capacityAbout(r), Heads: capacityColumns, Reading: capacityReading, Environment: r.Environment,
		Maps: heatMaps(r), Unit: capacityUnit(r),
		Facts: []harness.Setting{
			{Name: "Seed", Value: fmt.Sprint(r.Seed)},
			{Name: "Started", Value: r.Started.UTC().Format("2006-01-02 15:04:05 MST")},
			{Name: "Took", Value: formatDuration(r.Took.Seconds())},
			{Name: "Broker", Value: r.Broker},
		},
	}
	if r.Plan != nil {
		p.showPlan(r.Plan)
		return p
	}
	for i := range r.Answers {
		a := &r.Answers[i]
		anchor := fmt.Sprintf("answer-%d", i)
		row := capacityRow{Anchor: anchor, Consumer: a.Consumer.Name, Setup: describeSetup(a), Failed: a.Failed}
		if a.Failed == "" && a.Result != nil {
			for _, k := range capacityColumns {
				row.Values = append(row.Values, k.of(a))
			}
		}
		p.Rows = append(p.Rows, row)
		p.Details = append(p.Details, newCapacityDetail(anchor, a, len(r.Answers) == 1))
	}
	return p
}

// planPage is the plan in words.
type planPage struct {
	Heads []planColumn
	Rows  []planRow
}

type planRow struct {
	Anchor, Consumer, Failed, Bound, Settings string
	Best                                      bool
	Values                                    []string
	Lists                                     []planList
}

// showPlan puts a plan on the page, with the trials of each design.
func (p *capacityPage) showPlan(plan *capacity.Plan) {
	p.Headline, p.Remarks = planHeadline(plan), planQuestion(plan)
	p.Plan = &planPage{Heads: planColumns}
	best := plan.Cheapest("")
	for i := range plan.Designs {
		d := &plan.Designs[i]
		row := planRow{Anchor: fmt.Sprintf("design-%d", i), Consumer: d.Consumer.Name, Failed: d.Failed, Best: d == best}
		if b, ok := capacity.Tightest(d.Bounds); ok {
			row.Bound = b.String()
		}
		if d.Failed == "" {
			for _, k := range planColumns {
				row.Values = append(row.Values, k.of(plan, d))
			}
			row.Lists = planLists(d)
		}
		if d.Settings != nil {
			row.Settings = d.Settings.String()
		}
		p.Plan.Rows = append(p.Plan.Rows, row)
		if d.Capacity != nil {
			p.Details = append(p.Details, newCapacityDetail(fmt.Sprintf("answer-%d", i), d.Capacity, false))
		}
	}
}

func newCapacityDetail(anchor string, a *capacity.Answer, open bool) capacityDetail {
	d := capacityDetail{Anchor: anchor, Title: joinParts(a.Consumer.Name, describeSetup(a)), Summary: a.Failed, Open: open, Remarks: a.Remarks}
	if b, ok := capacity.Tightest(a.Bounds); ok && d.Summary == "" {
		d.Summary = b.String()
	}
	for _, b := range a.Bounds {
		rate := formatCount(b.Rate) + "/s"
		why := b.Why
		if b.Void != "" {
			rate, why = missing, "does not apply: "+b.Void
		}
		d.Bounds = append(d.Bounds, capacityBound{b.Name, rate, why})
	}
	for _, p := range a.Points {
		d.Points = append(d.Points, capacityPoint{
			Share: formatPercent(p.Share), Rate: formatCount(p.Rate), Utilisation: formatPercent(p.Utilisation),
			P50: formatMillis(p.EndToEnd.P50.Seconds()), P99: formatMillis(p.EndToEnd.P99.Seconds()), Max: formatMillis(p.EndToEnd.Max.Seconds()), Status: p.Status,
		})
	}
	for i := range a.Checks {
		d.Checks = append(d.Checks, newCapacityCheck(&a.Checks[i]))
	}
	if a.Result == nil {
		return d
	}
	d.Unit = a.Result.Axis.Unit
	for g := range a.Result.Goals {
		d.Goals = append(d.Goals, a.Result.Describe(g))
	}
	for i, t := range a.Result.Trials {
		d.Trials = append(d.Trials, capacityTrial{
			Number: i + 1, Purpose: string(t.Purpose), Load: formatCount(t.Load), Length: t.Duration.Round(time.Second).String(), Completed: formatCount(t.Completed),
			Guarantees: string(t.Verdicts["guarantees"]), Objectives: string(t.Verdicts["objectives"]), Detail: strings.Join(t.Detail, "; "),
		})
	}
	d.Strip = template.HTML(capacityStrip(a))
	return d
}

func newCapacityCheck(k *capacity.Check) capacityCheck {
	c := capacityCheck{Backend: k.Backend, Found: missing, Error: missing, Remark: joinParts(k.Remark, k.Failed)}
	if k.Result == nil {
		return c
	}
	if g := k.Result.Limiting(); g != nil && g.Held != nil {
		c.Found, c.Error = formatCount(g.Held.Load)+" "+k.Result.Axis.Unit, fmt.Sprintf("%+.1f %%", 100*k.Error)
	}
	return c
}

// capacityStrip draws the trials of a search in their order, from top to bottom.
func capacityStrip(a *capacity.Answer) string {
	s := chart.Strip{Title: "Trials of " + a.Consumer.Name, Unit: a.Result.Axis.Unit}
	for i, t := range a.Result.Trials {
		class := string(worstVerdict(t.Verdicts))
		if !t.Full {
			class += " short"
		}
		s.Dots = append(s.Dots, chart.StripDot{At: t.Load, Class: class, Tip: fmt.Sprintf("trial %d, %s: %s %s, %s", i+1, t.Purpose, formatCount(t.Load), a.Result.Axis.Unit, worstVerdict(t.Verdicts))})
	}
	if g := a.Result.Limiting(); g != nil {
		s.From, s.To = g.From, g.To
	}
	if b, ok := capacity.Tightest(a.Bounds); ok && a.Seek == "rate" {
		s.Bound, s.BoundIs = b.Rate, b.Name
	}
	return s.SVG()
}

func worstVerdict(all map[string]capacity.Verdict) capacity.Verdict {
	worst := capacity.Held
	for _, v := range all {
		switch {
		case v == capacity.Broken:
			return v
		case v == capacity.Undecided:
			worst = v
		}
	}
	return worst
}
