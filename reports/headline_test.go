package reports

import (
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

func TestWhichRunsSpeakForEveryRecord(t *testing.T) {
	doubtful := []harness.Verdict{{Check: oracle.CheckLoss, Status: harness.Inconclusive}}
	for name, c := range map[string]struct {
		run  harness.Run
		want bool
	}{
		"all finished":             {harness.Run{Status: harness.Pass}, true},
		"overloaded, none lost":    {harness.Run{Status: harness.Overload, Counts: harness.Counts{Unfinished: 9}}, true},
		"some lost":                {harness.Run{Status: harness.Fail, Counts: harness.Counts{Lost: 1, Unfinished: 9}}, true},
		"failed, the rest waits":   {harness.Run{Status: harness.Fail, Counts: harness.Counts{Unfinished: 9}}, false},
		"loss could not be judged": {harness.Run{Status: harness.Fail, Verdicts: doubtful}, false},
	} {
		if got := countsAllRecords(&c.run); got != c.want {
			t.Errorf("%s: speaks %v, want %v", name, got, c.want)
		}
	}
}

func TestHeadlineOfRunsThatTellNoLosses(t *testing.T) {
	only := func(s harness.Status) *harness.Comparison {
		c := small()
		c.Scenarios, c.Consumers, c.Cells, c.Runs = c.Scenarios[:1], c.Consumers[:1], c.Cells[:1], c.Runs[:1]
		c.Cells[0].Status, c.Cells[0].Expected, c.Runs[0].Status, c.Runs[0].Expected = s, false, s, false
		c.Runs[0].Counts.Unfinished, c.Runs[0].Reasons = 9, []string{"no broker answers"}
		return c
	}
	for status, want := range map[harness.Status]string{
		harness.Fail:         "No run tells whether all records were kept; serial failed on steady",
		harness.Inconclusive: "No run came to a verdict",
		harness.NotMade:      "No run could be made",
	} {
		if got := newView(only(status)).headlineText(); got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
	}
}

func TestReportShowsARunThatCouldNotBeMade(t *testing.T) {
	c := small()
	cell := newView(c).cellOf("steady", "keyed@cooperative")
	cell.Status, cell.Expected = harness.NotMade, false
	c.Runs[cell.Runs[0]] = harness.Run{Scenario: "steady", Consumer: "keyed@cooperative", Repeat: 1, Status: harness.NotMade, Reasons: []string{"start broker: no port is free"}}
	v := newView(c)
	if got, want := v.headlineText(), "1 of 15 runs could not be made"; !strings.HasSuffix(got, "; "+want) {
		t.Errorf("headline %q, want %q at its end", got, want)
	}
	if got, want := v.remarkTexts()[0], "Not as expected: keyed on steady: error (start broker: no port is free)."; got != want {
		t.Errorf("remark %q, want %q", got, want)
	}
	text, page := string(render(t, RenderText, c)), string(render(t, renderHTML, c))
	for _, want := range []string{"error (!)", "steady, keyed@cooperative: start broker: no port is free"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text has no %q:\n%s", want, text)
		}
	}
	for _, want := range []string{`class="cell error loud"`, "could not be made", "start broker: no port is free"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

func TestRemarksSayWhyFailuresAreExpected(t *testing.T) {
	c := small()
	failed := func() { // one more failure of the control
		for i := range c.Cells {
			if x := &c.Cells[i]; x.Consumer == "naive@cooperative" && x.Status != harness.Fail {
				x.Status, x.Expected = harness.Fail, true
				return
			}
		}
	}
	for _, want := range []string{
		"Every outcome is as expected: the one failure is that of a control, which must fail.",
		"Every outcome is as expected: the 2 failures are those of controls, which must fail.",
	} {
		if got := newView(c).remarkTexts()[0]; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		failed()
	}
}
