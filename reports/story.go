package reports

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
)

// Verdicts writes verdicts one by one, each with its examples and the story of
// the first. Its error is w's.
func Verdicts(w io.Writer, verdicts []harness.Verdict) error {
	t := &text{}
	for i := range verdicts {
		v := &verdicts[i]
		head := fmt.Sprintf("%s: %s", v.Check, v.Status)
		if v.Count > 0 {
			head += ", " + count(float64(v.Count))
		}
		if v.HeldTo != "" {
			head += " (held to " + v.HeldTo + ")"
		}
		t.printf("\n%s", wrap(head, pageWidth, ""))
		if v.Detail != "" {
			t.printf("%s", wrap(v.Detail, pageWidth, "  "))
		}
		for k := range v.Examples {
			e := exhibit{Anomaly: &v.Examples[k]}
			t.printf("%s", wrap(e.Anomaly.Text, pageWidth, "  "))
			t.printf("%s", wrap(e.where(), pageWidth, "    "))
			t.printf("%s", storyText(e.Anomaly, "    "))
		}
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// storyText is the story of an anomaly as a time line, a line a moment: when,
// for how long, where, what. What the anomaly is about is marked.
func storyText(a *harness.Anomaly, indent string) string {
	lane := 0
	for _, m := range a.Story {
		lane = max(lane, len(m.Lane))
	}
	var b strings.Builder
	for _, m := range a.Story {
		mark := " "
		if m.Bad {
			mark = ">"
		}
		took := ""
		if m.Until > m.At {
			took = "+" + duration(m.Until.Seconds()-m.At.Seconds())
		}
		fmt.Fprintf(&b, "%s%s %10s %9s  %-*s  %s\n", indent, mark, stamp(m.At), took, lane, m.Lane, m.Text)
	}
	return b.String()
}

// stamp is a time of a run to a tenth of a millisecond, which tells the end of
// one attempt from the begin of the next.
func stamp(at time.Duration) string { return fmt.Sprintf("%.4f s", at.Seconds()) }
