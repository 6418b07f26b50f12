package reports

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/plain"
)

//go:embed assets
var assets embed.FS

var pageTemplate = template.Must(template.ParseFS(assets, "assets/*.tmpl"))

// renderHTML writes the comparison as one page that needs no network and no other
// file: a policy in its head makes the browser refuse any request. Verdicts, tables and
// first anomalies need no script. Charts and evidence are packed in the page, and its
// script draws them when they come into view.
func renderHTML(w io.Writer, c *harness.Comparison) error {
	p, err := newPage(plain.Copy(c))
	if err != nil {
		return fmt.Errorf("render report.html: %w", err)
	}
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, "report.tmpl", p); err != nil {
		return fmt.Errorf("render report.html: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// page is all that the template writes, in words.
type page struct {
	CSS template.CSS
	JS  template.JS
	// CSSHash and JSHash are in the page's policy: no other style or script has an effect.
	CSSHash, JSHash string

	Headline                           string
	Remarks                            []string
	Caveats                            []string
	Command                            []string // Command repeats the comparison, in parts that are not broken.
	Facts                              []harness.Setting
	Consumers                          []pageConsumer
	Legend                             []legendGroup // Legend is nil if all consumers fit the bar.
	Matrix                             []matrixRow
	Anomalies                          []pageAnomaly
	Warnings                           []warning
	Columns, CostColumns, StageColumns []column
	StageNotes                         []string
	BareAbout                          string
	BareHeads                          [6]string
	Scenarios                          []pageScenario
	Repeats                            int
	HasControl                         bool
	HasError                           bool // HasError: a run could not be made.
	Confidence                         []confidence

	Environment, Settings []harness.Setting
}

// pageConsumer is a consumer with its look.
type pageConsumer struct {
	harness.ConsumerInfo
	Short          string
	Label, Variant string // Label is the name's first part, Variant its protocol and knobs.
	Shown          bool   // Shown: its lines are visible at first.
	Class          string // Class has its switch, its colour and its dash.
	Switch         int
	Control        bool
	Knobs          string
	Must           string
}

// seriesClass has the classes of a consumer's lines: its switch, and one of forty
// looks from eight colours and five dashes.
func seriesClass(consumer, look int) string {
	return fmt.Sprintf("k%d s%d d%d", consumer, look%8, (look+look/8)%5)
}

type matrixRow struct {
	Consumer pageConsumer
	Cells    []matrixCell
}

type matrixCell struct {
	outcome
	Run  bool // Run is false for a pair that was not run.
	Link string
}

// Class is the look of a cell: its status, and whether that is unexpected.
func (m matrixCell) Class() string {
	class := string(m.Status)
	switch {
	case !m.Expected && m.Status != harness.Pass:
		class += " loud"
	case !m.Expected:
		class = "fail loud"
	}
	return class
}

type pageAnomaly struct {
	anomaly
	Consumer pageConsumer
	Link     string
	Said     string // Said is the sentence of the anomaly, Printed what a program had printed.
	Printed  string
	Remark   string // Remark says why the anomaly is a warning, "" if it is none.
	Where    string
	Timeline *pageTimeline
	Command  []string
}

func newPage(c *harness.Comparison) (*page, error) {
	v := newView(c)
	css, _ := assets.ReadFile("assets/report.css")
	js, _ := assets.ReadFile("assets/report.js")
	p := &page{
		JS:       template.JS(js),
		Headline: v.headlineText(), Remarks: v.remarkTexts(), Caveats: v.caveatTexts(),
		Command: commandParts(c.Command), Facts: v.headFacts(), Warnings: v.warnings(), Columns: v.usedColumns(columns), CostColumns: v.usedColumns(costColumns),
		StageColumns: v.usedColumns(stageColumns), StageNotes: v.stageNotes(), BareAbout: bareAbout, BareHeads: bareHeads,
		Repeats: v.maxRepeats(), Confidence: v.confidences(),
		Environment: c.Environment, Settings: c.Settings,
		HasError: slices.ContainsFunc(c.Cells, func(k harness.Cell) bool { return k.Status == harness.NotMade }),
	}
	for i, info := range c.Consumers {
		p.Consumers = append(p.Consumers, v.pageConsumer(i, info))
		p.HasControl = p.HasControl || isControl(&info)
	}
	p.Legend = v.legendGroups(p.Consumers)
	p.CSS = template.CSS(css) + switchCSS(len(p.Consumers))
	p.CSSHash, p.JSHash = policyHash(string(p.CSS)), policyHash(string(p.JS))
	for i, consumer := range p.Consumers {
		row := matrixRow{Consumer: consumer}
		for j, s := range c.Scenarios {
			m := matrixCell{}
			if cell := v.cellOf(s.Name, consumer.Name); cell != nil {
				m = matrixCell{outcome: v.outcomeOf(cell), Run: true, Link: cellLink(j, i)}
			}
			row.Cells = append(row.Cells, m)
		}
		p.Matrix = append(p.Matrix, row)
	}
	for i, e := range v.firstAnomalies() {
		out := p.pageAnomaly(v, e)
		if out.Timeline != nil {
			out.Timeline.Open = i == 0 || !e.Control
		}
		p.Anomalies = append(p.Anomalies, out)
	}
	for i := range c.Scenarios {
		s, err := v.pageScenario(p, i)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", c.Scenarios[i].Name, err)
		}
		p.Scenarios = append(p.Scenarios, s)
	}
	return p, nil
}

// policyHash is how a policy names the text of an element, which is after a newline.
func policyHash(text string) string {
	sum := sha256.Sum256([]byte("\n" + text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// cellLink is the name of a cell's details in the page.
func cellLink(scenario, consumer int) string { return fmt.Sprintf("cell-%d-%d", scenario, consumer) }

func (v *view) headFacts() []harness.Setting {
	runs := plural(len(v.Runs), "run")
	if v.Planned > len(v.Runs) {
		runs += fmt.Sprintf(" of %d", v.Planned)
	}
	return []harness.Setting{
		{Name: "Seed", Value: fmt.Sprint(v.Seed)},
		{Name: "Started", Value: v.Started.UTC().Format("2006-01-02 15:04:05 MST")},
		{Name: "Took", Value: formatDuration(v.Took.Seconds()) + ", " + runs},
		{Name: "Broker", Value: v.Broker},
	}
}

func (v *view) pageConsumer(i int, info harness.ConsumerInfo) pageConsumer {
	c := pageConsumer{ConsumerInfo: info, Short: v.short[info.Name], Class: seriesClass(i, i), Switch: i, Shown: true, Control: isControl(&info)}
	c.Label, c.Variant = splitName(info.Name)
	c.Knobs = strings.Join(knobList(info.Knobs), ", ")
	var must []string
	for _, e := range info.MustFail {
		must = append(must, e.Check+" on "+e.Scenario)
	}
	c.Must = joinWords(must)
	return c
}

func (p *page) pageAnomaly(v *view, e anomaly) pageAnomaly {
	out := pageAnomaly{anomaly: e}
	for j, s := range v.Scenarios {
		for i, c := range p.Consumers {
			if s.Name == e.Cell.Scenario && c.Name == e.Cell.Consumer {
				out.Consumer, out.Link = c, cellLink(j, i)
			}
		}
	}
	if e.Anomaly != nil {
		out.Said, out.Printed = splitEvidence(e.Anomaly.Text)
		out.Where, out.Timeline = e.position(), newPageTimeline(e.Anomaly)
	}
	if e.Warning {
		out.Remark = warningRemark
	}
	out.Command = commandParts(e.Command)
	return out
}
