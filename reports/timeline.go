package reports

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/plain"
	"github.com/stampede-bench/stampede/reports/internal/chart"
)

// Verdicts writes verdicts one by one, each with its examples and the timeline of
// the first. Its error is an error of w.
func Verdicts(w io.Writer, verdicts []harness.Verdict) error {
	t := &text{}
	verdicts = plain.Copy(verdicts)
	for i := range verdicts {
		v := &verdicts[i]
		head := fmt.Sprintf("%s: %s", v.Check, v.Status)
		if v.Count > 0 {
			head += ", " + formatCount(float64(v.Count))
		}
		if v.HeldTo != "" {
			head += " (claim: " + v.HeldTo + ")"
		}
		t.printf("\n%s", wrap(head, pageWidth, ""))
		if v.Detail != "" {
			t.printf("%s", wrap(v.Detail, pageWidth, "  "))
		}
		for k := range v.Examples {
			e := anomaly{Anomaly: &v.Examples[k]}
			t.printf("%s", evidenceText(e.Anomaly.Text, "  "))
			t.printf("%s", wrap(e.position(), pageWidth, "    "))
			t.printf("%s", timelineText(e.Anomaly, "    "))
		}
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// timelineText is the timeline of an anomaly with one line for each entry: when,
// for how long, where and what. A mark shows what the anomaly is about.
func timelineText(a *harness.Anomaly, indent string) string {
	lane := 0
	for _, m := range a.Timeline {
		lane = max(lane, len(m.Track))
	}
	var b strings.Builder
	for _, m := range a.Timeline {
		mark := " "
		if m.Bad {
			mark = ">"
		}
		took := entryTook(m)
		if took != "" {
			took = "+" + took
		}
		fmt.Fprintf(&b, "%s%s %10s %9s  %-*s  %s\n", indent, mark, formatStamp(m.At), took, lane, plain.Line(m.Track), plain.Line(m.Text))
	}
	return b.String()
}

// entryEnd is the time at which an entry ended.
func entryEnd(m harness.TimelineEntry) time.Duration {
	if m.Until == 0 {
		return m.At
	}
	return max(m.At, m.Until)
}

// entryTook is how long an entry took, "" if no time. An entry that stands for
// omitted ones says in its text until when.
func entryTook(m harness.TimelineEntry) string {
	until := entryEnd(m)
	if until == m.At || m.Omitted > 0 {
		return ""
	}
	return formatDuration((until - m.At).Seconds())
}

// formatStamp is a time of a run to a tenth of a millisecond, enough to tell the end
// of one attempt from the start of the next.
func formatStamp(at time.Duration) string { return fmt.Sprintf("%.4f s", at.Seconds()) }

// pageTimeline is the timeline of an anomaly as a drawing and, with the same
// numbers, as text.
type pageTimeline struct {
	Open    bool
	SVG     template.HTML
	Entries []pageEntry
}

type pageEntry struct {
	At, Took, Track, Text string
	Bad, Gap              bool // Gap: it stands for omitted entries.
}

// newPageTimeline is nil for an anomaly without a timeline.
func newPageTimeline(a *harness.Anomaly) *pageTimeline {
	if len(a.Timeline) == 0 {
		return nil
	}
	p := &pageTimeline{SVG: template.HTML(timelineTracks(a).SVG())}
	for _, m := range a.Timeline {
		p.Entries = append(p.Entries, pageEntry{At: formatStamp(m.At), Took: entryTook(m), Track: m.Track, Text: m.Text, Bad: m.Bad, Gap: m.Omitted > 0})
	}
	return p
}

// timelineTracks puts each entry on its track. Entries of one track that overlap in
// time are in separate rows.
func timelineTracks(a *harness.Anomaly) chart.Tracks {
	figure := chart.Tracks{Title: "what happened around the anomaly, in the order of time", Format: func(s float64) string { return fmt.Sprintf("%.4g s", s) }}
	type row struct {
		lane  string
		until time.Duration
	}
	var rows []row
	place := make([]int, len(a.Timeline))
	for i, m := range a.Timeline {
		until := entryEnd(m)
		at := slices.IndexFunc(rows, func(r row) bool { return r.lane == m.Track && r.until < m.At })
		if at < 0 {
			rows = append(rows, row{lane: m.Track})
			at = len(rows) - 1
		}
		rows[at].until, place[i] = until, at
	}
	order := make([]int, len(rows)) // rows of a track are neighbours; tracks are in the order of their first entry
	for i := range order {
		order[i] = i
	}
	first := func(lane string) int { return slices.IndexFunc(rows, func(r row) bool { return r.lane == lane }) }
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(first(rows[x].lane), first(rows[y].lane)) })
	at := make([]int, len(rows))
	for y, i := range order {
		at[i] = y
		name := rows[i].lane
		if y > 0 && rows[order[y-1]].lane == name {
			name = ""
		}
		figure.Names = append(figure.Names, name)
	}
	for i, m := range a.Timeline {
		figure.Entries = append(figure.Entries, chart.TrackEntry{
			Track: at[place[i]], From: m.At.Seconds(), To: entryEnd(m).Seconds(), Bad: m.Bad, Gap: m.Omitted > 0,
		})
	}
	return figure
}
